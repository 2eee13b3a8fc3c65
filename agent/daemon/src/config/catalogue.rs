//! The words of every fault, in both languages, by code. A code's meaning never changes; a new fault gets a new code.

mod calls;
mod cautions;
mod commands;
mod sensors;

use super::catalogue_rows as rows;
use super::error::Severity;
use calls::with_calls;
use commands::with_commands;
use sensors::with_sensors;

/// A text in Chinese and in English; `{0}` stands for the fault's first word, and so on.
pub(crate) type Both = [&'static str; 2];

/// The words of one code.
pub(crate) struct Texts {
    pub(crate) message: Both,
    pub(crate) label: Both,
    /// At the other of two places that contradict each other.
    pub(crate) other: Both,
    pub(crate) help: Both,
}

pub(super) const FIRST: Both = ["第一处在这里", "first used here"];
pub(super) const ALSO: Both = ["与这里矛盾", "contradicts this"];

/// The texts of one code: written here, or one of [`rows`].
macro_rules! texts {
    ($whole:expr) => {
        &$whole
    };
    ($message:expr, $label:expr, $other:expr, $help:expr) => {
        const { &Texts { message: $message, label: $label, other: $other, help: $help } }
    };
}

macro_rules! catalogue {
    ($($code:literal $name:ident $($texts:expr),+;)*) => {
        /// What kind of fault it is; shown as `E…` or `W…` and never translated.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code {
            $(
                #[doc = $code]
                $name,
            )*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            const fn identifier(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            pub(crate) const fn texts(self) -> &'static Texts {
                match self {
                    $(Self::$name => texts!($($texts),+)),*
                }
            }
        }
    };
}

impl Code {
    /// The code in words, by which a site file accepts a warning: `GasNotLatched` is `gas_not_latched`. As stable as the code.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in self.identifier().chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// Whether the code prevents the start.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self.as_str().as_bytes().first() {
            Some(b'W') => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Message, label, second label and help in both languages, as templates.
    #[must_use]
    pub const fn templates(self) -> [[&'static str; 2]; 4] {
        let texts = self.texts();
        [texts.message, texts.label, texts.other, texts.help]
    }
}

with_sensors! {
    // Files.
    "E0101" FileUnreadable
        ["读不到文件 {0}：{1}", "cannot read {0}: {1}"],
        ["需要这个文件", "this file is needed"], ALSO,
        ["检查路径和权限", "check the path and the permissions"];
    "E0102" FileNotUtf8
        ["文件 {0} 不是 UTF-8 编码", "{0} is not UTF-8"],
        ["从这里起不是 UTF-8", "not UTF-8 from here on"], ALSO,
        ["另存为 UTF-8（Windows 记事本：另存为 → 编码 UTF-8），不要用 GBK", "save the file as UTF-8, not as GBK"];
    "E0103" FileTooLarge
        ["文件 {0} 有 {1} 字节，上限 {2} 字节", "{0} has {1} bytes; at most {2} are read"],
        ["文件太大", "too large"], ALSO,
        ["配置文件不会这么大：检查是否写错了路径", "no configuration is that large: check the path"];
    "E0104" Syntax
        ["TOML 语法错误：{0}", "TOML syntax: {0}"],
        ["这里", "here"], FIRST,
        ["{1}", "{1}"];
    "E0199" NotUsable
        ["内部检查没有通过：{0}", "an internal check failed: {0}"],
        ["这里", "here"], ALSO,
        ["请把本文件和这条信息发给开发者", "please send this file and this message to the developers"];
    // Structure.
    "E0201" UnknownKey
        ["不认识的键 {0}", "unknown key {0}"],
        ["没有这个键", "no such key"], ALSO,
        ["{1}", "{1}"];
    "E0202" MissingKey
        ["缺少必填的键 {0}", "the required key {0} is missing"],
        ["这一段里缺少 {0}", "{0} is missing here"], ALSO,
        ["补上一行 {0} = {1}", "add a line {0} = {1}"];
    "E0203" WrongType
        ["{0} 应为{1}，这里写的是{2}", "{0} takes {1}; this is {2}"],
        ["应为{1}", "{1} expected"], ALSO,
        ["改写为{1}，例如 {3}", "write {1}, such as {3}"];
    "E0204" NotAChoice
        ["{0} 不能是 {1}", "{0} cannot be {1}"],
        ["不在可选值之内", "not one of the choices"], ALSO,
        ["{3}可选值：{2}", "{3}choices: {2}"];
    "E0205" OutOfBounds
        ["{0} = {1} 超出允许范围", "{0} = {1} is out of bounds"],
        ["应在 {2} 与 {3} 之间", "between {2} and {3}"], ALSO,
        ["写 {2} 到 {3} 之间的数", "write a number from {2} to {3}"];
    "E0206" WrongLength
        ["{0} 有 {1} 项，应为 {2} 到 {3} 项", "{0} has {1} entries; it takes {2} to {3}"],
        ["项数不对", "wrong number of entries"], ALSO,
        ["写 {2} 到 {3} 项", "write {2} to {3} entries"];
    "E0207" TextLength
        ["{0} 的长度是 {1} 个字符，应为 {2} 到 {3} 个", "{0} has {1} characters; it takes {2} to {3}"],
        ["长度不对", "wrong length"], ALSO,
        ["写 {2} 到 {3} 个字符", "write {2} to {3} characters"];
    "E0208" BlankText cautions::BLANK_TEXT;
    // Names and references.
    "E0301" DuplicateName
        ["{0}重名：{1}（不分大小写）", "two {0} are named {1} (case is ignored)"],
        ["第二次使用", "used again"], FIRST,
        ["改成本文件里没有用过的名字", "choose a name that is not used yet"];
    "E0302" UnknownBus
        ["没有名为 {0} 的总线", "there is no bus named {0}"],
        ["没有这条总线", "no such bus"], ALSO,
        ["{1}", "{1}"];
    "E0303" UnknownDevice
        ["没有名为 {0} 的设备", "there is no device named {0}"],
        ["没有这台设备", "no such device"], ALSO,
        ["{1}", "{1}"];
    "E0304" UnknownTemplate
        ["没有名为 {0} 的设备模板", "there is no device template named {0}"],
        ["没有这个模板", "no such template"], ALSO,
        ["{1}", "{1}"];
    "E0305" UnknownTemplatePoint
        ["设备 {1} 的模板里没有点 {0}", "the template of {1} has no point {0}"],
        ["模板里没有", "not in the template"], ALSO,
        ["{2}", "{2}"];
    "E0306" UnknownAlarm
        ["没有报警 {0}", "there is no alarm {0}"],
        ["没有这个报警", "no such alarm"], ALSO,
        ["按“位号:种类”书写，例如 \"GT-101:high\"。{1}", "write TAG:kind, such as \"GT-101:high\". {1}"];
    "E0309" UnknownPoint
        ["没有位号 {0}", "there is no point {0}"],
        ["没有这个位号", "no such point"], ALSO,
        ["写站内的位号。{1}", "write a tag of this site. {1}"];
    "E0310" UnknownOutput
        ["没有输出 {0}", "there is no output {0}"],
        ["没有这个输出", "no such output"], ALSO,
        ["写 [[outputs]] 的 id。{1}", "write the id of one of [[outputs]]. {1}"];
    "E0311" UnknownCause
        ["没有叫 {0} 的表决或报警", "there is no vote or alarm {0}"],
        ["没有这个名字", "no such name"], ALSO,
        ["表决写名称，报警写“位号:种类”；{1}", "write a vote's name, or an alarm as TAG:kind; {1}"];
    "E0312" UnknownTrip
        ["没有叫 {0} 的联锁", "there is no trip {0}"],
        ["没有这个名字", "no such name"], ALSO,
        ["{1}", "{1}"];
    "E0313" RenamedFromKnown rows::RENAMED_FROM_KNOWN;
    "E0314" RenamedFromTwice rows::RENAMED_FROM_TWICE;
    "E0315" UnknownWarning cautions::UNKNOWN_WARNING;
    "E0316" AcceptsNothing cautions::ACCEPTS_NOTHING;
    "E0307" FromWithoutTemplate
        ["设备 {0} 没有模板，from 无从引用", "{0} has no template, so from names nothing"],
        ["设备没有模板", "the device has no template"], ALSO,
        ["给设备写上 template = \"…\"，或在这里写 table、address、type", "give the device a template, or write table, address and type here"];
    "E0308" BadCode
        ["{0} = \"{1}\" 不能用作代码", "{0} = \"{1}\" cannot be used as a code"],
        ["含有不允许的字符", "has characters that are not allowed"], ALSO,
        ["代码会进入 MQTT 主题：不能有 # + / 空格和控制字符", "codes become MQTT topics: no #, +, /, space or control character"];
    // Points.
    "E0401" NoAddress
        ["点 {0} 没有地址", "{0} has no address"],
        ["缺少 address 或 reference", "address or reference is missing"], ALSO,
        ["写 address = 0（从 0 数起的协议地址）或 reference = \"40001\"", "write address = 0 (protocol address, from 0) or reference = \"40001\""];
    "E0402" TwoAddresses
        ["点 {0} 同时写了 address 和 reference", "{0} has both address and reference"],
        ["第二个地址", "a second address"], ALSO,
        ["只留一个", "keep one of them"];
    "E0403" BadReference
        ["引用地址 {0} 无法理解", "the reference {0} cannot be read"],
        ["不是 5 位或 6 位的引用地址", "not a reference of 5 or 6 digits"], ALSO,
        ["首位 0 线圈、1 离散输入、3 输入寄存器、4 保持寄存器，后面从 1 数起，例如 \"40001\" 或 \"400001\"", "first digit 0 coil, 1 discrete input, 3 input register, 4 holding register; then a number from 1, such as \"40001\" or \"400001\""];
    "E0404" ReferenceAgainstTable
        ["引用地址 {0} 属于 {1} 表，table 写的却是 {2}", "the reference {0} is in the table {1}, but table says {2}"],
        ["属于 {1}", "in the table {1}"], ALSO,
        ["删去 table，或改为 table = \"{1}\"", "remove table, or write table = \"{1}\""];
    "E0405" AddressBeyond
        ["地址 {0} 超出 {1} 到 {2}（共占 {3} 个地址）", "the address {0} is not within {1} to {2} (it covers {3} addresses)"],
        ["超出地址范围", "outside of the table"], ALSO,
        ["address 从 {1} 数起；手册上的 4xxxx 编号请写成 reference = \"4xxxx\"", "address counts from {1}; write a manual's 4xxxx number as reference = \"4xxxx\""];
    "E0406" NoTable
        ["点 {0} 没有写 {1}", "{0} has no {1}"],
        ["缺少 {1}", "{1} is missing"], ALSO,
        ["补上 {1} = {2}，或用 from = \"…\" 引用设备模板里的点", "add {1} = {2}, or use from = \"…\" for a point of the device's template"];
    "E0407" TypeAgainstTable
        ["{0} 表里不能有类型 {1}", "the table {0} cannot hold the type {1}"],
        ["类型与表不符", "does not fit the table"], ALSO,
        ["coil 和 discrete 只有 type = \"bit\"；数值在 input 或 holding", "coil and discrete hold only type = \"bit\"; numbers are in input or holding"];
    "E0408" BadBits
        ["{0} 写得不对：{1}", "{0} is wrong: {1}"],
        ["{1}", "{1}"], ALSO,
        ["寄存器里的一位：type = \"bit\", bit = 0…15（0 为最低位）；几位：type = \"u16\", bits = [首位, 位数]", "one bit of a register: type = \"bit\", bit = 0…15 (0 is the lowest); several: type = \"u16\", bits = [first, count]"];
    "E0409" OrderWithoutWords
        ["类型 {0} 只有一个寄存器，没有字序 {1}", "the type {0} is one register and has no word order {1}"],
        ["没有字序可言", "there are no words to order"], ALSO,
        ["删去 order；16 位数只可写 \"ABCD\" 或 \"BADC\"（低字节在前）", "remove order; a 16-bit number takes only \"ABCD\" or \"BADC\" (low byte first)"];
    "E0410" BadWords
        ["类型 {0} 的 words 应为 {1}", "the type {0} takes words = {1}"],
        ["寄存器个数不对", "wrong number of registers"], ALSO,
        ["bcd 写 words = 1、2 或 4；text 写 words = 1 到 64；其他类型不写", "bcd: words = 1, 2 or 4; text: words = 1 to 64; other types have none"];
    "E0411" RangeReversed
        ["量程 [{0}, {1}] 的下限不小于上限", "the range [{0}, {1}] does not ascend"],
        ["下限应小于上限", "the first must be less than the second"], ALSO,
        ["写成 range = [最小, 最大]，例如 [0, 100]", "write range = [least, greatest], such as [0, 100]"];
    "E0412" StaleTooSoon
        ["stale_ms = {0} 不大于轮询周期 {1}：刚读到就已过期", "stale_ms = {0} is not more than the poll period {1}: a value is old before the next"],
        ["应大于轮询周期", "must exceed the poll period"], ["轮询周期", "the poll period"],
        ["写 stale_ms = {2}（三个周期），或删去", "write stale_ms = {2} (three periods), or remove it"];
    "E0413" TooWide
        ["点 {0} 一次要读 {1} 个地址，设备 {2} 一次最多 {3} 个", "{0} needs {1} addresses in one read; {2} takes at most {3}"],
        ["太宽", "too wide"], ALSO,
        ["小数位或除数寄存器须与数值相邻；或放宽设备的 registers_max / bits_max", "the scaling register must be near the value; or raise registers_max / bits_max of the device"];
    "E0414" TwoExponents
        ["点 {0} 同时写了 decimals_at 和 divisor_at", "{0} has both decimals_at and divisor_at"],
        ["第二个换算寄存器", "a second scaling register"], ALSO,
        ["只留一个", "keep one of them"];
    "E0415" BadNumber
        ["{0} = {1} 不能用", "{0} = {1} cannot be used"],
        ["不能是这个数", "not this number"], ALSO,
        ["写有限的数（不能是 nan、inf）；scale 不能为 0", "write a finite number (no nan, no inf); scale must not be 0"];
    "E0416" SentinelTooLarge
        ["无效值 {0} 放不进类型 {1}", "the sentinel {0} does not fit the type {1}"],
        ["放不下", "does not fit"], ALSO,
        ["写寄存器里的原始值（换算之前），例如 0x7FFF", "write the raw value of the registers (before scaling), such as 0x7FFF"];
    "E0417" KeyWithoutNumber
        ["{0} 只用于数值，点 {1} 的类型是 {2}", "{0} is for numbers; the type of {1} is {2}"],
        ["用不上", "has no effect"], ALSO,
        ["删去 {0}", "remove {0}"];
    "E0418" TwoExpectations rows::TWO_EXPECTATIONS;
    "E0419" ExpectationAgainstType rows::EXPECTATION_AGAINST_TYPE;
    // Alarms.
    "E0501" SetpointOrder
        ["位号 {0}：{1} 设定值 {2} 应大于 {3} 的 {4}", "{0}: the setpoint {2} of {1} must exceed {4} of {3}"],
        ["{1} = {2}", "{1} = {2}"], ["{3} = {4}", "{3} = {4}"],
        ["顺序应为 low_low < low < high < high_high", "the order is low_low < low < high < high_high"];
    "E0502" SetpointOutOfRange
        ["位号 {0}：设定值 {1} 不在量程 {2} 到 {3} 之内", "{0}: the setpoint {1} is not within the range {2} to {3}"],
        ["永远达不到", "can never be reached"], ["量程", "the range"],
        ["写 {2} 到 {3} 之间的值，或改正 range", "write a value between {2} and {3}, or correct range"];
    "E0503" AboveCeiling
        ["位号 {0}：{1} 设定值 {2} {4} 高于上限 {3} {4}", "{0}: the setpoint {2} {4} of {1} is above the ceiling of {3} {4}"],
        ["高于 {3} {4}", "above {3} {4}"], ALSO,
        ["写不高于 {3} 的值；{5}", "write a value up to {3}; {5}"];
    "E0504" DeadbandTooWide
        ["位号 {0}：{1} 的回差 {2} 不小于到 {4} 的距离 {3}", "{0}: the deadband {2} of {1} is not less than the distance {3} to {4}"],
        ["报警不能正常恢复", "the alarm could not return"], ["到这里的距离 {3}", "{3} away"],
        ["回差要小于 {3}，一般取量程的 1 %", "a deadband below {3}; 1 % of the range is usual"];
    "E0505" SetpointMissing
        ["位号 {0}：{1} 没有 setpoint", "{0}: {1} has no setpoint"],
        ["缺少设定值", "setpoint is missing"], ALSO,
        ["补上 setpoint = …（单位 {2}）", "add setpoint = … (in {2})"];
    "E0506" AlarmAgainstType
        ["位号 {0} 的类型是 {1}，不能有 {2} 报警", "{0} has the type {1} and cannot have an alarm {2}"],
        ["种类与类型不符", "does not fit the type"], ALSO,
        ["开关量用 kind = \"digital\"；数值用 low_low、low、high、high_high；文本不能报警", "switches: kind = \"digital\"; numbers: low_low, low, high, high_high; texts have no alarms"];
    "E0507" AlarmKeyUnused
        ["{0} 不用于 {1} 报警", "{0} is not for an alarm {1}"],
        ["用不上", "has no effect"], ALSO,
        ["digital 用 active = true|false；其余用 setpoint 和 deadband", "digital takes active = true|false; the others setpoint and deadband"];
    "E0508" DuplicateAlarm
        ["位号 {0} 有两个 {1} 报警", "{0} has two alarms {1}"],
        ["第二个", "the second"], FIRST,
        ["每种报警一个；删去其中一个", "one alarm of each kind; remove one"];
    "E0509" LostWithoutSafety
        ["位号 {0}：没有失去报警，却写了 {1}", "{0}: {1} on a point whose loss is no alarm"],
        ["需要 safety = true，且不写 lost_alarm = false", "needs safety = true, and no lost_alarm = false"], ALSO,
        ["写 safety = true，或删去 {1}", "write safety = true, or remove {1}"];
    "E0510" BelowFloor
        ["位号 {0}：{1} 设定值 {2} {4} 低于下限 {3} {4}", "{0}: the setpoint {2} {4} of {1} is below the floor of {3} {4}"],
        ["低于 {3} {4}", "below {3} {4}"], ALSO,
        ["写不低于 {3} 的值；{5}", "write a value from {3}; {5}"];
    "E0511" WatchAgainstType
        ["位号 {0} 的类型是 {1}，不能有 {2} 监视", "{0} has the type {1} and cannot have a watch {2}"],
        ["种类与类型不符", "does not fit the type"], ALSO,
        ["开关量只用 discrepancy；数值用 rate、deviation、frozen、over_range", "switches: discrepancy; numbers: rate, deviation, frozen, over_range"];
    "E0512" WatchKeyMissing
        ["位号 {0}：{1} 监视需要 {2}", "{0}: a watch {1} needs {2}"],
        ["缺少 {2}", "{2} is missing"], ALSO,
        ["rate 要 setpoint；deviation 要 setpoint 和 other；discrepancy 要 output；over_range 要求点有 range", "rate takes setpoint; deviation setpoint and other; discrepancy output; over_range needs the point's range"];
    "E0513" WatchKeyUnused
        ["{0} 不用于 {1} 监视", "{0} is not for a watch {1}"],
        ["用不上", "has no effect"], ALSO,
        ["setpoint 用于 rate、deviation；over_s 用于 rate；other 用于 deviation；output 用于 discrepancy", "setpoint is for rate and deviation, over_s for rate, other for deviation, output for discrepancy"];
    "E0514" ButtonNotSwitch
        ["位号 {0} 不是开关量，不能当按钮", "{0} is no switch and cannot be a button"],
        ["需要开关量", "needs a switch"], ALSO,
        ["写 type = \"bit\"、table = \"coil\" 或 \"discrete\"，或删去 button", "write type = \"bit\", table = \"coil\" or \"discrete\", or remove button"];
    "E0515" SuppressedSafety
        ["位号 {0} 是安全点，报警不可抑制", "{0} is for safety: its alarms are not suppressed"],
        ["安全点", "for safety"], ALSO,
        ["写 safety = false，或删去 suppressed_while；停用探测器用旁路", "write safety = false, or remove suppressed_while; to take a detector out of service, bypass it"];
    "E0516" KeySetpointLaxer
        ["位号 {0}：重点时段的设定值 {1} 不比 {3} 的 {2} 严，或超出量程", "{0}: the set-point {1} of key periods is laxer than {2} of {3}, or beyond the range"],
        ["应更严", "should be stricter"], ["平时的设定值", "the usual set-point"],
        ["高报写更小的值，低报写更大的值", "write a lower value for high alarms, a higher one for low alarms"];
    // Buses and devices.
    "E0601" BusKeyMissing
        ["总线 {0}：kind = \"{2}\" 需要 {1}", "bus {0}: kind = \"{2}\" needs {1}"],
        ["缺少 {1}", "{1} is missing"], ALSO,
        ["tcp 和 rtu_over_tcp 要 host；rtu 要 path，例如 \"/dev/ttyS1\"", "tcp and rtu_over_tcp need host; rtu needs path, such as \"/dev/ttyS1\""];
    "E0602" BusKeyUnused
        ["总线 {0}：{1} 不用于 kind = \"{2}\"", "bus {0}: {1} is not for kind = \"{2}\""],
        ["用不上", "has no effect"], ALSO,
        ["删去 {1}，或改正 kind", "remove {1}, or correct kind"];
    "E0603" SharedPort
        ["两条总线用同一个串口 {0}", "two buses use the same port {0}"],
        ["第二次使用", "used again"], FIRST,
        ["一个串口只能是一条总线：合并设备，或改正 path", "one port is one bus: put the devices together, or correct path"];
    "E0606" NoUsbAdapter
        ["总线 {0}：{1} 不是 USB 适配器", "bus {0}: {1} is no USB adapter"],
        ["看不懂", "cannot be understood"], ALSO,
        ["写 usb:厂商:产品 或 usb:厂商:产品:序列号，各四位十六进制，见 lsusb，例如 \"usb:0403:6001:A50285BI\"", "write usb:VENDOR:PRODUCT or usb:VENDOR:PRODUCT:SERIAL, four hexadecimal digits each, see lsusb, such as \"usb:0403:6001:A50285BI\""];
    "E0604" UnitOnSerial
        ["设备 {0}：串行线上的站号 {1} 不在 1 到 247 之内", "device {0}: the unit {1} is not within 1 to 247 on a serial line"],
        ["应为 1 到 247", "1 to 247"], ["串行总线", "a serial bus"],
        ["0 是广播，248 以上保留：写设备拨码的站号", "0 is broadcast, 248 and above are reserved: write the device's address"];
    "E0605" SharedUnit
        ["总线 {0} 上两台设备用同一个站号 {1}", "two devices on {0} have the same unit {1}"],
        ["第二次使用", "used again"], FIRST,
        ["地址或串口相同的总线是同一条物理总线：若确是同一台设备，合并成一台；否则改其中一台的站号", "buses with one address or port are one line: if it is one device, write it once; otherwise change one of the units"];
    // Outputs.
    "E0701" OutputWiring
        ["输出 {0} 应写 coil 或 gpio 其中一个", "the output {0} takes either coil or gpio"],
        ["两个都写或都没写", "both or neither"], ALSO,
        ["coil = { device = \"…\", address = 0 } 或 gpio = { chip = \"/dev/gpiochip0\", line = 5 }", "coil = { device = \"…\", address = 0 } or gpio = { chip = \"/dev/gpiochip0\", line = 5 }"];
    "E0702" OutputKeyUnused
        ["输出 {0}：{1} 不用于 role = \"{2}\"", "the output {0}: {1} is not for role = \"{2}\""],
        ["用不上", "has no effect"], ALSO,
        ["min_priority 用于 horn、beacon；alarms 用于 alarms；heartbeat 不用 polarity", "min_priority is for horn and beacon; alarms for alarms; heartbeat has no polarity"];
    "E0703" OutputAlarmsMissing
        ["输出 {0}：role = \"alarms\" 没有列出报警", "the output {0}: role = \"alarms\" lists no alarms"],
        ["缺少 alarms", "alarms is missing"], ALSO,
        ["写 alarms = [\"GT-101:high_high\"]", "write alarms = [\"GT-101:high_high\"]"];
    "E0704" CoilTwice
        ["设备 {0} 的线圈 {1} 用了两次", "the coil {1} of {0} is used twice"],
        ["第二次使用", "used again"], FIRST,
        ["每个输出一个线圈", "one coil for each output"];
    "E0705" GpioTwice
        ["{0} 的第 {1} 线用了两次", "the line {1} of {0} is used twice"],
        ["第二次使用", "used again"], FIRST,
        ["每个输出一根线", "one line for each output"];
    // Gateway and uplinks.
    "E0801" BadListen
        ["listen = \"{0}\" 不是“地址:端口”", "listen = \"{0}\" is not address:port"],
        ["无法监听", "cannot listen here"], ALSO,
        ["写 \"127.0.0.1:9464\"（只写 IP，不写主机名）", "write \"127.0.0.1:9464\" (an IP address, no host name)"];
    "E0802" CertWithoutKey
        ["上传通道 {0}：有 {1} 却没有 {2}", "uplink {0}: {1} without {2}"],
        ["缺少 {2}", "{2} is missing"], ALSO,
        ["cert 和 key 要一起写，或都不写", "write cert and key together, or neither"];
    "E0803" FileMissing
        ["上传通道 {0}：{1} 指向的文件 {2} 不存在或读不到", "uplink {0}: the file {2} of {1} is not there or cannot be read"],
        ["没有这个文件", "no such file"], ALSO,
        ["放好文件，或改正路径（相对路径从 site.toml 所在目录算起）", "put the file there, or correct the path (relative to the folder of site.toml)"];
    "E0804" PasswordWithoutUser
        ["上传通道 {0}：有 password_file 却没有 username", "uplink {0}: password_file without username"],
        ["缺少 username", "username is missing"], ALSO,
        ["补上 username = \"…\"", "add username = \"…\""];
    "E0805" ClientTwice
        ["两条上传通道用同一个 client_id {0} 连同一台服务器 {1}", "two uplinks connect to {1} with the same client_id {0}"],
        ["会互相踢下线", "they would disconnect each other"], FIRST,
        ["给其中一条写另一个 client_id", "give one of them another client_id"];
    // Profiles.
    "E1001" ProfileAgainstType
        ["位号 {0} 的类型是 {1}，不能有 profile = \"{2}\"", "{0} has the type {1} and cannot have profile = \"{2}\""],
        ["测的不是这种量", "measures something else"], ["类型在这里", "the type is here"],
        ["改正 profile，或写 type = \"{3}\"（开关量是 bit，测量值是数）", "correct profile, or write type = \"{3}\" (switches are bit, measured values are numbers)"];
    "E1002" UnitAgainstProfile
        ["位号 {0}：单位 {1} 与 profile = \"{2}\" 不符", "{0}: the unit {1} contradicts profile = \"{2}\""],
        ["不是 {2} 的单位", "no unit of {2}"], ["profile 在这里", "the profile is here"],
        ["{2} 可用的单位：{3}", "units of {2}: {3}"];
    "E1003" UnitMissing
        ["位号 {0}：profile = \"{1}\" 要写明 unit", "{0}: profile = \"{1}\" needs unit"],
        ["缺少 unit", "unit is missing"], ALSO,
        ["照设备手册写 unit = …，可用：{2}", "write unit = … as in the device's manual, one of {2}"];
    "E1004" NotConvertible
        ["位号 {0}：{1} 的设定值以 {2} 计，换算成 {3} 还缺数", "{0}: set-points of {1} are in {2}; what that is in {3} is not known"],
        ["无法换算", "cannot be converted"], ALSO,
        ["写 gas = …（表里有的气体），或 {4}，或用单位 {2}", "write gas = … (one that the table has), or {4}, or use the unit {2}"];
    "E1005" ProfileKeyUnused
        ["位号 {1}：{0} 不用于{2}", "{1}: {0} is not for {2}"],
        ["用不上", "has no effect"], ALSO,
        ["删去 {0}；它只用于 profile = {3}", "remove {0}; it is for profile = {3}"];
    "E1006" LimitRaised
        ["位号 {0}：{1} = {2} 比表里的 {3} 宽", "{0}: {1} = {2} is laxer than the table's {3}"],
        ["高于 {3}", "above {3}"], ALSO,
        ["写不高于 {3} 的值，或删去 {1}", "write a value up to {3}, or remove {1}"];
    "E1007" CompanionMissing
        ["位号 {0}：profile = \"{1}\" 还缺报警 {2}", "{0}: profile = \"{1}\" also needs the alarms {2}"],
        ["缺 {2}", "{2} missing"], ALSO,
        ["在 alarms 里补上 { kind = \"{3}\", setpoint = … }（单位 {4}）{5}", "add { kind = \"{3}\", setpoint = … } to alarms (in {4}){5}"];
    // Safeguards.
    "E1101" SafeguardPlace
        ["安全设施 {0} 应写 device 或 place 其中一个", "the safeguard {0} takes either device or place"],
        ["两个都写或都没写", "both or neither"], ALSO,
        ["device = \"设备名\"，或 place = \"地点\"", "device = \"…\" for a device of this file, or place = \"…\" in words"];
    "E1102" BadDate
        ["{0} = \"{1}\" 不是日期", "{0} = \"{1}\" is no date"],
        ["不是日期", "no date"], ALSO,
        ["写成 \"2026-12-31\"", "write it as \"2026-12-31\""];
    // Interlocks.
    "E1201" VoteRule rows::VOTE_RULE;
    "E1202" NamedTwice rows::NAMED_TWICE;
    "E1203" SameDetector rows::SAME_DETECTOR;
    "E1204" NobodySpeaksFor rows::NOBODY_SPEAKS_FOR;
    "E1205" FeedbackLimit rows::FEEDBACK_LIMIT;
    "E1206" ProvesTwo rows::PROVES_TWO;
    "E1207" AssistMissing rows::ASSIST_MISSING;
    "E1208" AssistMisused rows::ASSIST_MISUSED;
    "E1209" HoldContradicts rows::HOLD_CONTRADICTS;
    "E1210" NotAssist rows::NOT_ASSIST;
    "E1211" Cycle rows::CYCLE;
    "E1212" OutputOnSis rows::OUTPUT_ON_SIS;
    "E1213" OutputWithoutRow rows::OUTPUT_WITHOUT_ROW;
    "E1214" ValveNotLatched cautions::VALVE_NOT_LATCHED;
    // Key periods.
    "E1501" BadMoment rows::BAD_MOMENT;
    "E1502" PeriodEmpty rows::PERIOD_EMPTY;
    // Calibrations and proof tests.
    "E1301" UpkeepTwice rows::UPKEEP_TWICE;
    "E1302" UpkeepOfText rows::UPKEEP_OF_TEXT;
    "E1303" UpkeepWarnsEarly rows::UPKEEP_WARNS_EARLY;
    "E1304" CalibrationProves rows::CALIBRATION_PROVES;
    "E1305" ProofProvesNothing rows::PROOF_PROVES_NOTHING;
    "E1306" ProvesOtherPoint rows::PROVES_OTHER_POINT;
    "E1307" ProvesWithoutFeedback rows::PROVES_WITHOUT_FEEDBACK;
    "E1308" UpkeepLimit rows::UPKEEP_LIMIT;
    // Warnings.
    "W0901" NoPoints cautions::NO_POINTS;
    "W0902" NothingSounds cautions::NOTHING_SOUNDS;
    "W0903" SharedEndpoint cautions::SHARED_ENDPOINT;
    "W0905" CollectorIncomplete cautions::COLLECTOR_INCOMPLETE;
    "W0906" CollectorUnprotected cautions::COLLECTOR_UNPROTECTED;
    "W0907" RunShort cautions::RUN_SHORT;
    "W0908" RunAbsent cautions::RUN_ABSENT;
    "W0909" GasNotLatched cautions::GAS_NOT_LATCHED;
    "W0910" GasDelayed cautions::GAS_DELAYED;
    "W0911" GasLowPriority cautions::GAS_LOW_PRIORITY;
    "W0912" GasNotSafety cautions::GAS_NOT_SAFETY;
    "W0913" GasSuppressed cautions::GAS_SUPPRESSED;
    "W0914" GasLowSetpoint cautions::GAS_LOW_SETPOINT;
    "W0915" AlarmUnheard cautions::ALARM_UNHEARD;
    "W0916" LostUnheard cautions::LOST_UNHEARD;
    "W0917" PollSlow cautions::POLL_SLOW;
    "W0918" StaleSlow cautions::STALE_SLOW;
    "W0919" SentinelInAlarm cautions::SENTINEL_IN_ALARM;
    "W0920" ScaleFar cautions::SCALE_FAR;
    "W0921" BypassLong cautions::BYPASS_LONG;
    "W0922" BypassesMany cautions::BYPASSES_MANY;
    "W0923" CauseNotFailSafe cautions::CAUSE_NOT_FAIL_SAFE;
}
