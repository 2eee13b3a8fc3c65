//! Faults of a line in words: what it is, what speaks for it, what to do next.

use hazard_core::link::{Exception, LinkFault};

use crate::cli::word;
use crate::config::Lang;
use crate::modbus::diagnosis::{Cause, Tally};
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

/// The cause's name and the next step.
pub(super) const fn cause(cause: Cause, lang: Lang) -> (&'static str, &'static str) {
    match lang {
        Lang::Zh => cause_zh(cause),
        Lang::En => cause_en(cause),
    }
}

const fn cause_zh(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::SecondMaster => (
            "线上有第二主站",
            "找出并停用另一个主站（DCS、触摸屏、另一台网关），或改由它转发；一条 RS-485 只能有一个主站",
        ),
        Cause::AddressConflict => ("地址冲突：一个站号有两台应答", "逐台断开该站号的设备，改其中一台的站号"),
        Cause::EchoOnly => {
            ("只收到自己的回波", "检查转换器的收发切换（RTS/DE）和到设备的 A/B 两线；转换器本身正常")
        }
        Cause::Parity => ("奇偶校验不符", "字节数对而位不对：换校验再试（--parity E|O|N），停止位 1/2 也试"),
        Cause::Baud => ("波特率不符", "收到的不成帧：用 hazard scan 换波特率，或查设备拨码"),
        Cause::Noise => (
            "线路干扰：有的应答完整，有的不完整",
            "两端各接一个 120 Ω 终端电阻，查屏蔽单端接地、偏置和分支长度",
        ),
        Cause::Slow => {
            ("设备应答太慢，落到了下一个请求里", "加大 --turnaround-ms；在站点文件里加大 timeout_ms")
        }
        Cause::Intermittent => ("时断时续", "查接线端子、供电和总线上是否有别的主站"),
        Cause::UnitAbsent => ("该站号无应答，线路是好的", "查这台设备的供电、站号拨码和它那一段线"),
        Cause::Dead => ("全线无声", "依次查：设备供电；A/B 是否接反（对调再试）；波特率；站号；端口是否选对"),
    }
}

const fn cause_en(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::SecondMaster => (
            "another master asks on this line",
            "find it and stop it (a DCS, a panel, another gateway) or read through it; an RS-485 line has one master only",
        ),
        Cause::AddressConflict => (
            "address conflict: two units answer to one address",
            "disconnect the devices one by one and give one of them another address",
        ),
        Cause::EchoOnly => (
            "only our own echo comes back",
            "look at the adapter's direction control (RTS/DE) and at A/B towards the devices; the adapter itself works",
        ),
        Cause::Parity => (
            "wrong parity",
            "the number of bytes is right and bits are wrong: try another --parity E|O|N, and --stop 1|2",
        ),
        Cause::Baud => (
            "wrong baud rate",
            "what comes is no frame: scan other rates with hazard scan, or read the device's switches",
        ),
        Cause::Noise => (
            "noise: some answers are whole and some are not",
            "terminate both ends with 120 Ω, ground the shield at one end, look at bias and the length of stubs",
        ),
        Cause::Slow => (
            "a device answers too late, into the next request",
            "raise --turnaround-ms, and timeout_ms in the site file",
        ),
        Cause::Intermittent => {
            ("some requests are not answered", "look at terminals, at the supply, and for another master")
        }
        Cause::UnitAbsent => (
            "this unit does not answer, the line works",
            "look at the device's supply, its address switches and its own stub",
        ),
        Cause::Dead => (
            "the line is silent",
            "look, in this order, at: the devices' supply; A and B swapped (swap and try); baud rate; addresses; whether it is the right port",
        ),
    }
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

/// A cause's name for programs.
pub(super) const fn key(cause: Cause) -> &'static str {
    match cause {
        Cause::SecondMaster => "second_master",
        Cause::AddressConflict => "address_conflict",
        Cause::EchoOnly => "echo_only",
        Cause::Parity => "parity",
        Cause::Baud => "baud",
        Cause::Noise => "noise",
        Cause::Slow => "slow",
        Cause::Intermittent => "intermittent",
        Cause::UnitAbsent => "unit_absent",
        Cause::Dead => "dead",
    }
}

/// Each cause with its evidence and next step, a line each.
pub(super) fn told(causes: &[Cause], tally: &Tally, lang: Lang) -> String {
    let lines = causes.iter().map(|cause| {
        let (name, step) = self::cause(*cause, lang);
        let (likely, next) = (word(lang, "很可能：", "likely: "), word(lang, "下一步：", "next: "));
        format!("{likely}{name} ({})\n  {next}{step}", evidence(tally, lang))
    });
    lines.collect::<Vec<_>>().join("\n")
}
