//! What is probably wrong with a device or a line: the word for programs, the name for people, and the next step.

use super::status::Word;
use crate::config::Lang;
use crate::modbus::LinkCounts;
use crate::modbus::diagnosis::Cause;

/// What a bus did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LineHealth {
    /// Its counters.
    pub counts: LinkCounts,
    /// What is probably wrong with the line itself.
    pub causes: Vec<Cause>,
}

/// A cause's name for programs.
pub(crate) const fn word(cause: Cause) -> &'static str {
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
        Cause::Mute => "mute",
        Cause::Gone => "gone",
        Cause::Refusing => "refusing",
        Cause::Busy => "busy",
    }
}

/// The cause's name and the next step.
pub(crate) const fn told(cause: Cause, lang: Lang) -> (&'static str, &'static str) {
    match lang {
        Lang::Zh => zh(cause),
        Lang::En => en(cause),
    }
}

const fn zh(cause: Cause) -> (&'static str, &'static str) {
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
        Cause::Mute => (
            "连上了，但无应答",
            "查站号；串口服务器的波特率、校验和协议（Modbus TCP 还是透明传输）；设备是否只容许别的主机连接",
        ),
        Cause::Gone => (
            "端口或连接打不开",
            "串口：适配器是否插好、是否换了名字（用 /dev/serial/by-id）；网络：网线、IP、端口、防火墙、设备的连接数",
        ),
        Cause::Refusing => (
            "设备拒绝所问的地址或功能码",
            "对照手册核对型号、功能码、寄存器地址（参考号与 PDU 地址差 1）和一次读取的个数",
        ),
        Cause::Busy => ("设备忙", "查设备是否正被面板或上位机操作；仍忙则放慢轮询（period）"),
    }
}

const fn en(cause: Cause) -> (&'static str, &'static str) {
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
        Cause::Mute => (
            "connected, and nobody answers",
            "look at the unit address; at the serial server's baud rate, parity and protocol (Modbus TCP or transparent); whether the device admits other hosts only",
        ),
        Cause::Gone => (
            "the port or the connection cannot be opened",
            "serial: is the adapter plugged in, has its name changed (use /dev/serial/by-id); network: cable, IP, port, firewall, the device's number of connections",
        ),
        Cause::Refusing => (
            "the device refuses the address or the function",
            "compare model, function code, register addresses (references and PDU addresses differ by 1) and the size of reads with the manual",
        ),
        Cause::Busy => (
            "the device is busy",
            "is it being operated at its panel or by another system? if it stays so, poll it more slowly (period)",
        ),
    }
}

/// Name and next step of a word; a word of a later version stands for itself.
pub(super) fn told_of(word_of_it: &str, lang: Lang) -> (String, &'static str) {
    let known = Cause::ALL.into_iter().find(|cause| word(*cause) == word_of_it);
    known.map_or_else(
        || (word_of_it.to_owned(), ""),
        |cause| {
            let (name, step) = told(cause, lang);
            (name.to_owned(), step)
        },
    )
}

/// The words of causes.
pub(super) fn words(causes: &[Cause]) -> Vec<Word> {
    causes.iter().map(|cause| word(*cause).into()).collect()
}
