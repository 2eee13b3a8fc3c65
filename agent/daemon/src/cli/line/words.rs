//! Faults of a line in words: what it is, what speaks for it, what to do next.

use hazard_core::link::{Exception, LinkFault};

use crate::cli::word;
use crate::config::Lang;
use crate::modbus::diagnosis::{Cause, Tally};
use crate::observe::causes;
use crate::settings::Parity;

/// Why one request brought nothing.
pub(super) fn fault(fault: LinkFault, lang: Lang) -> String {
    match fault {
        LinkFault::Silent => word(lang, "无应答", "no answer").to_owned(),
        LinkFault::Garbled => word(
            lang,
            "收到的不是应答（乱码或别站的帧）",
            "what came is not the answer (garbled, or another unit's)",
        )
        .to_owned(),
        LinkFault::Gone => word(lang, "端口或连接断开", "the port or the connection is gone").to_owned(),
        LinkFault::Refused(exception) => self::exception(exception, lang),
    }
}

/// A refusal with its code.
pub(super) fn exception(exception: Exception, lang: Lang) -> String {
    let (code, zh, en) = match exception {
        Exception::IllegalFunction => {
            (1, "设备不支持这个功能码，换 -t 再试", "the device does not know the function; try another -t")
        }
        Exception::IllegalAddress => (
            2,
            "设备没有这个地址；核对参考号与 PDU 地址差 1",
            "the device does not have the address; references and PDU addresses differ by 1",
        ),
        Exception::IllegalValue => (
            3,
            "设备不接受这个值或数量，减少 -n 再试",
            "the device does not take the value or the count; try a smaller -n",
        ),
        Exception::DeviceFailure => (4, "设备报告自身故障", "the device says that it has failed"),
        Exception::Acknowledge => (5, "设备已接受，尚未完成", "accepted, not done yet"),
        Exception::Busy => (6, "设备忙，稍后再试", "the device is busy; try later"),
        Exception::GatewayPath => (10, "网关没有通往该站的路径", "the gateway has no path to the unit"),
        Exception::GatewayTarget => {
            (11, "网关后面的设备无应答", "the unit behind the gateway does not answer")
        }
        Exception::Other(code) => (code, "设备拒绝", "the device refuses"),
    };
    format!("{} {code:02X}: {}", word(lang, "异常码", "exception"), word(lang, zh, en))
}

/// The counts that speak for a cause, those that are not zero.
pub(super) fn evidence(tally: &Tally, lang: Lang) -> String {
    let counts = [
        (tally.asked, "请求", "asked"),
        (tally.answered, "应答", "answered"),
        (tally.silent, "无声", "silent"),
        (tally.garbled, "乱码", "garbled"),
        (tally.near, "其中长度正确", "of the right length"),
        (tally.echoes, "回波", "echoes"),
        (tally.doubled, "重复应答", "answered twice"),
        (tally.strangers, "别站应答", "answers of other units"),
        (tally.foreign, "别的主站的请求", "requests of another master"),
        (tally.gone, "端口或连接断开", "port or connection gone"),
        (tally.refused, "拒绝", "refused"),
        (tally.busy, "忙", "busy"),
        (tally.behind, "网关后无应答", "not answered behind a gateway"),
    ];
    let shown = counts.iter().filter(|(count, ..)| *count > 0);
    let shown: Vec<String> = shown.map(|(count, zh, en)| format!("{} {count}", word(lang, zh, en))).collect();
    shown.join(word(lang, "，", ", "))
}

/// `8N1` and its like.
pub(super) fn frame(parity: Parity, stop: u8) -> String {
    let parity = match parity {
        Parity::None => 'N',
        Parity::Even => 'E',
        Parity::Odd => 'O',
    };
    format!("8{parity}{stop}")
}

/// Each cause with its evidence and next step, a line each.
pub(super) fn told(causes: &[Cause], tally: &Tally, lang: Lang) -> String {
    let lines = causes.iter().map(|cause| {
        let (name, step) = causes::told(*cause, lang);
        let (likely, next) = (word(lang, "很可能：", "likely: "), word(lang, "下一步：", "next: "));
        format!("{likely}{name} ({})\n  {next}{step}", evidence(tally, lang))
    });
    lines.collect::<Vec<_>>().join("\n")
}
