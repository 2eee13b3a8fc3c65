//! Who can be reached: the running agent, buses on the network, the platform. Connections are opened and closed, nothing is said.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Chart;
use crate::config::Loaded;
use crate::control::{self, Ask};
use crate::settings::Endpoint;

const WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn look(loaded: &Loaded, chart: &mut Chart) {
    let runs = agent(loaded, chart).await;
    for bus in &loaded.buses {
        let (host, port) = match &bus.endpoint {
            Endpoint::Tcp { host, port } | Endpoint::RtuOverTcp { host, port } => (host, *port),
            Endpoint::Rtu(_) => continue,
        };
        if runs {
            // Many serial servers take one client: a second connection would throw the agent off.
            let what = chart
                .word("由运行中的代理使用，见 hazard status", "used by the running agent, see hazard status");
            chart.ok("bus", format!("{}: {host}:{port} {what}", bus.name));
        } else {
            reach("bus", &bus.name, (host, port), chart).await;
        }
    }
    for uplink in &loaded.uplinks {
        reach("uplink", &uplink.name, (&uplink.host, uplink.port), chart).await;
    }
    for (webhook, _) in &loaded.webhooks {
        reach("webhook", &webhook.name, (webhook.url.host(), webhook.url.port()), chart).await;
    }
}

async fn agent(loaded: &Loaded, chart: &mut Chart) -> bool {
    let socket = loaded.state_dir.join(control::SOCKET);
    match control::ask(&socket, &Ask::Status).await {
        Ok(_) => {
            chart.ok("agent", chart.word("正在运行，有应答", "runs and answers"));
            return true;
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            let todo = chart.word(
                "调试完成后 sudo systemctl start hazard",
                "sudo systemctl start hazard when commissioning is done",
            );
            chart.warn("agent", chart.word("没有运行", "does not run"), todo);
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let todo = chart
                .word("用 sudo 再查，或加入代理的用户组", "look again with sudo, or join the agent's group");
            chart.warn("agent", chart.word("无权询问", "may not be asked by this user"), todo);
        }
        Err(error) => {
            let todo = chart.word("看 journalctl -u hazard", "read journalctl -u hazard");
            chart.fault("agent", format!("{}: {error}", socket.display()), todo);
        }
    }
    false
}

async fn reach(check: &'static str, name: &str, at: (&str, u16), chart: &mut Chart) {
    let (host, port) = at;
    let connected = timeout(WITHIN, TcpStream::connect(at)).await.unwrap_or(Err(ErrorKind::TimedOut.into()));
    let what = format!("{name}: {host}:{port}");
    match connected {
        Ok(_) => chart.ok(check, format!("{what} {}", chart.word("可达", "can be reached"))),
        Err(error) => {
            let (why, todo) = reason(&error, chart);
            chart.fault(check, format!("{what} {why}"), todo);
        }
    }
}

fn reason(error: &Error, chart: &Chart) -> (&'static str, &'static str) {
    match error.kind() {
        ErrorKind::ConnectionRefused => (
            chart.word("拒绝连接", "refuses the connection"),
            chart.word(
                "主机在，服务没开或端口写错",
                "the host is there: the service is off or the port is wrong",
            ),
        ),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => (
            chart.word("不通", "does not answer"),
            chart.word("查网线、IP、网关和防火墙", "look at cable, address, route and firewall"),
        ),
        _ => (
            chart.word("名字解析不了或连不上", "cannot be resolved or reached"),
            chart.word(
                "查 DNS（resolvectl status）和主机名",
                "look at DNS (resolvectl status) and the host's name",
            ),
        ),
    }
}
