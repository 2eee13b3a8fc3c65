//! Certificates of uplinks and webhooks: readable, belonging to their keys, and how long they last.

use std::fs;
use std::path::Path;

use hazard_core::Utc;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::parse_x509_certificate;

use super::Chart;
use crate::config::{Lang, Loaded};
use crate::settings::Tls;
use crate::tls::{TlsProblem, check_tls};

const DAY_S: i64 = 86_400;
/// Ordering and installing a certificate takes weeks.
const SOON_DAYS: i64 = 60;

pub(super) fn look(loaded: &Loaded, now: Utc, chart: &mut Chart) {
    let uplinks =
        loaded.uplinks.iter().filter_map(|uplink| Some((uplink.name.as_str(), uplink.tls.as_ref()?)));
    let webhooks = loaded.webhooks.iter().map(|(webhook, _)| webhook);
    let webhooks = webhooks.filter_map(|webhook| Some((webhook.name.as_str(), webhook.tls.as_ref()?)));
    for (name, tls) in uplinks.chain(webhooks) {
        one(name, tls, now, chart);
    }
}

fn one(name: &str, tls: &Tls, now: Utc, chart: &mut Chart) {
    let faults = check_tls(tls).err().unwrap_or_default();
    for fault in &faults {
        let (what, todo) = problem(fault.problem, chart.lang);
        chart.fault("certificate", format!("{name}: {} {what}", fault.file.display()), todo);
    }
    let files = std::iter::once(&tls.ca).chain(tls.client.as_ref().map(|(chain, _)| chain));
    for file in files.filter(|file| faults.iter().all(|fault| fault.file != **file)) {
        lasts(name, file, now, chart);
    }
}

/// How long the first to end of a file's certificates lasts.
fn lasts(name: &str, file: &Path, now: Utc, chart: &mut Chart) {
    let bytes = fs::read(file).unwrap_or_default();
    let ends = CertificateDer::pem_slice_iter(&bytes).flatten().filter_map(|der| {
        let (_, certificate) = parse_x509_certificate(&der).ok()?;
        let validity = certificate.validity();
        Some((validity.not_after.timestamp(), validity.not_before.timestamp()))
    });
    let Some((end, begin)) = ends.min() else { return };
    let now = now.unix_ms() / 1000;
    let days = (end - now).div_euclid(DAY_S);
    let day =
        jiff::Timestamp::from_second(end).map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let until = match chart.lang {
        Lang::Zh => format!("{name}: {} 有效至 {day}", file.display()),
        Lang::En => format!("{name}: {} valid until {day}", file.display()),
    };
    let renew = chart.word(
        "向区平台申请新证书并替换文件；不必重启",
        "get a new one from the district and replace the file; no restart needed",
    );
    if now < begin {
        let todo = chart.word(
            "先对时：证书尚未生效，多半是本机时间不对",
            "set the clock first: it is not valid yet, most likely because this machine's time is wrong",
        );
        chart.fault("certificate", until, todo);
    } else if days < 0 {
        chart.fault("certificate", format!("{until} {}", chart.word("已过期", "has expired")), renew);
    } else if days < SOON_DAYS {
        let left = match chart.lang {
            Lang::Zh => format!("{until}，还剩 {days} 天"),
            Lang::En => format!("{until}, {days} days left"),
        };
        chart.warn("certificate", left, renew);
    } else {
        chart.ok("certificate", until);
    }
}

fn problem(problem: TlsProblem, lang: Lang) -> (&'static str, &'static str) {
    let (zh, en) = match problem {
        TlsProblem::Missing => (
            ("不存在", "放好文件或改站点文件里的路径"),
            ("does not exist", "put it there, or change its path in the site file"),
        ),
        TlsProblem::Unreadable => (
            ("读不到", "让代理的用户可读：chown、chmod 640，或用 sudo 再查"),
            ("cannot be read", "let the agent's user read it: chown, chmod 640; or look again with sudo"),
        ),
        TlsProblem::NotPem => (
            ("不是 PEM 文件", "用 openssl x509 -outform pem 转换"),
            ("is not a PEM file", "convert it with openssl x509 -outform pem"),
        ),
        TlsProblem::NoCertificate => (
            ("里面没有证书", "放入 BEGIN CERTIFICATE 的文件"),
            ("holds no certificate", "use the file with BEGIN CERTIFICATE"),
        ),
        TlsProblem::BadCertificate => (
            ("证书无法解析", "重新申请或重新下载"),
            ("holds a certificate that cannot be read", "get it again"),
        ),
        TlsProblem::NoKey => (
            ("没有可用的私钥", "放入未加密的 PEM 私钥"),
            ("holds no usable private key", "use an unencrypted private key in PEM"),
        ),
        TlsProblem::KeyMismatch => (
            ("私钥与证书不是一对", "换成申请这张证书时的私钥"),
            ("does not belong to the certificate", "use the key that the certificate was asked for with"),
        ),
    };
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}
