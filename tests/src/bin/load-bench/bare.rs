//! The bare loop: what an engineer would write in an afternoon. One task per device polls with tokio-modbus, makes JSON
//! of all registers and publishes it through one rumqttc client. Nothing is stored, judged or sent again.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rumqttc::{AsyncClient, EventLoop, MqttOptions, QoS};
use tokio::time::{interval, sleep, timeout};
use tokio_modbus::client::{Context, Reader as _, tcp};

/// What the bare loop polls.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct Bare {
    /// The broker's port on this machine.
    #[arg(long)]
    broker: u16,
    /// Registers of each poll, from 0.
    #[arg(long)]
    registers: u16,
    /// Milliseconds between two polls of a device.
    #[arg(long)]
    period_ms: u64,
    /// The devices' ports on this machine.
    #[arg(long, value_delimiter = ',')]
    ports: Vec<u16>,
}

/// Polls until it is killed.
#[tokio::main]
pub(crate) async fn run(bare: Bare) -> anyhow::Result<()> {
    let (client, events) = AsyncClient::new(MqttOptions::new("bare", "127.0.0.1", bare.broker), 1_000);
    for (device, port) in bare.ports.iter().enumerate() {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        tokio::spawn(poll((device, addr), bare.clone(), client.clone()));
    }
    publish(events).await
}

async fn publish(mut events: EventLoop) -> anyhow::Result<()> {
    loop {
        if let Err(error) = events.poll().await {
            eprintln!("mqtt: {error}");
            sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn poll((device, addr): (usize, SocketAddr), bare: Bare, client: AsyncClient) {
    loop {
        match tcp::connect(addr).await {
            Ok(context) => {
                if let Err(error) = poll_connected(device, context, &bare, &client).await {
                    eprintln!("device {device}: {error}");
                }
            }
            Err(error) => eprintln!("device {device}: {error}"),
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn poll_connected(
    device: usize,
    mut context: Context,
    bare: &Bare,
    client: &AsyncClient,
) -> anyhow::Result<()> {
    let mut ticks = interval(Duration::from_millis(bare.period_ms));
    loop {
        ticks.tick().await;
        let asked = context.read_holding_registers(0, bare.registers);
        let words = timeout(Duration::from_secs(1), asked).await???;
        let named = words.iter().enumerate().map(|(register, word)| (format!("r{register}"), (*word).into()));
        let message = serde_json::Value::Object(named.collect());
        client
            .publish(format!("bare/{device}"), QoS::AtLeastOnce, false, serde_json::to_vec(&message)?)
            .await?;
    }
}
