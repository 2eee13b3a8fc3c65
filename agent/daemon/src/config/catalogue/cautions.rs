//! The words of what a site may say and a plant should not: see the rules in `lower::caution`.

use super::{ALSO, Both, FIRST, Texts};

const fn caution(message: Both, label: Both, help: Both) -> Texts {
    Texts { message, label, other: ALSO, help }
}

pub(super) const BLANK_TEXT: Texts = caution(
    ["{0} 只有空白", "{0} is blank"],
    ["没有内容", "nothing but spaces"],
    ["写上内容，或删去 {0}", "write a text, or remove {0}"],
);

pub(super) const UNKNOWN_WARNING: Texts = caution(
    ["没有叫 {0} 的警告", "there is no warning named {0}"],
    ["没有这种警告", "no such warning"],
    ["照 hazard check 显示的名称书写。{1}", "write the name as hazard check shows it. {1}"],
);

pub(super) const ACCEPTS_NOTHING: Texts = caution(
    ["没有可确认的警告：{1} 没有 {0}", "nothing to accept: there is no {0} of {1}"],
    ["这里没有这个警告", "no such warning here"],
    [
        "已经改好就删去这一段 [[accepted]]；of 照 hazard check 显示的书写",
        "remove this [[accepted]] where the cause is gone; write of as hazard check shows it",
    ],
);

pub(super) const VALVE_NOT_LATCHED: Texts = caution(
    ["联锁 {0} 关闭燃气阀 {1} 却不保持", "the trip {0} closes the gas valve {1} and is not held"],
    ["气体一散阀门就会自己打开", "the valve would open by itself while alarms stand"],
    [
        "删去 latch，或写 latch = true：燃气阀只能由人复位后打开",
        "remove latch, or write latch = true: a gas valve opens only after somebody's reset",
    ],
);

pub(super) const RUN_ABSENT: Texts = caution(
    ["许可 {0}：{1} = 0，风管没有清空的时间", "permit {0}: {1} = 0 leaves no time to clear the ducts"],
    ["没有时间", "no time at all"],
    ["写 {1} = {2}", "write {1} = {2}"],
);

pub(super) const GAS_NOT_LATCHED: Texts = caution(
    ["气体报警 {0} 不锁存", "the gas alarm {0} does not latch"],
    ["气体一散就没有人知道", "gone before anybody has seen it"],
    ["删去 latch，或写 latch = true", "remove latch, or write latch = true"],
);

pub(super) const GAS_DELAYED: Texts = caution(
    ["气体报警 {0} 延时 {1} ms 才报", "the gas alarm {0} waits for {1} ms"],
    ["报警太晚", "late"],
    [
        "写 on_delay_ms = 0，最多 {2}；探测器自己已经有响应时间",
        "write on_delay_ms = 0, at most {2}: the detector has a response time of its own",
    ],
);

pub(super) const GAS_LOW_PRIORITY: Texts = caution(
    ["气体报警 {0} 的优先级只有 {1}", "the gas alarm {0} has the priority {1} only"],
    ["该撤离的人听不到、叫不到", "may neither sound nor call anybody"],
    ["写 priority = \"high\" 或 \"critical\"", "write priority = \"high\" or \"critical\""],
);

pub(super) const GAS_NOT_SAFETY: Texts = caution(
    ["位号 {0} 测气体，却写 safety = false", "{0} measures gas and is not for safety"],
    ["探测器坏了不报警，读取也靠后", "its loss raises nothing, and it is read last"],
    ["删去 safety，或写 safety = true", "remove safety, or write safety = true"],
);

pub(super) const GAS_SUPPRESSED: Texts = caution(
    ["位号 {0} 测气体，报警却可被一个开关屏蔽", "{0} measures gas, and a switch suppresses its alarms"],
    ["停产时气体照样会漏", "gas leaks from an idle plant too"],
    [
        "删去 suppressed_while；停用探测器用旁路",
        "remove suppressed_while; to take a detector out of service, bypass it",
    ],
);

pub(super) const GAS_LOW_SETPOINT: Texts = caution(
    ["{0} 是气体的低报：浓度正常时就在报警", "{0} is a low alarm of a gas: clean air would raise it"],
    ["方向反了", "the wrong side"],
    [
        "改为 kind = \"high\" 或 \"high_high\"；零点偏低用 drift 监视",
        "write kind = \"high\" or \"high_high\"; a zero that is low is what drift watches",
    ],
);

pub(super) const ALARM_UNHEARD: Texts = caution(
    ["{1} 条报警没有声光：{2}", "{1} alarms reach no horn and no beacon: {2}"],
    ["输出 {0} 的门槛最低，仍高于这些报警", "{0} has the lowest bar, and it is above them"],
    [
        "写 min_priority = \"{3}\"，或提高这些报警的优先级",
        "write min_priority = \"{3}\", or raise the priority of these alarms",
    ],
);

pub(super) const LOST_UNHEARD: Texts = caution(
    ["探测器失效没有声光：{1} 个位号", "the loss of a detector reaches no horn and no beacon: {1} points"],
    ["输出 {0} 的门槛最低，仍高于失效报警", "{0} has the lowest bar, and it is above the loss"],
    ["写 min_priority = \"{2}\"", "write min_priority = \"{2}\""],
);

pub(super) const POLL_SLOW: Texts = caution(
    ["位号 {0}：poll_ms = {1} 对 {2} 太慢", "{0}: poll_ms = {1} is too slow for {2}"],
    ["报警会晚", "the alarm would be late"],
    ["写 poll_ms = {3} 或更小", "write poll_ms = {3} or less"],
);

pub(super) const STALE_SLOW: Texts = caution(
    ["位号 {0}：stale_ms = {1} 对 {2} 太长", "{0}: stale_ms = {1} is too long for {2}"],
    ["旧值会一直算好", "an old value would count as good"],
    ["写 stale_ms = {3} 或更小", "write stale_ms = {3} or less"],
);

pub(super) const SENTINEL_IN_ALARM: Texts = caution(
    [
        "位号 {0}：无效值 {1} 换算为 {2}，落在 {3} 的报警区",
        "{0}: the sentinel {1} is {2}, within the alarm {3}",
    ],
    ["真的到了这个值也不会报警", "the real value would raise nothing"],
    ["删去它，或照手册写量程以外的无效值", "remove it, or write the manual's value outside of the range"],
);

pub(super) const SCALE_FAR: Texts = caution(
    ["位号 {0}：换算与量程 {1} 到 {2} 不符：{3}", "{0}: the scaling does not fit the range {1} to {2}: {3}"],
    ["读数会差若干倍", "values may be wrong by a factor"],
    ["照手册核对 scale、offset、range", "check scale, offset and range against the manual"],
);

pub(super) const BYPASS_LONG: Texts = caution(
    ["bypass_max_min = {0}：旁路可以超过一个班", "bypass_max_min = {0}: a bypass may outlast a shift"],
    ["太长", "too long"],
    ["写 {1} 或更小；到期可以再批", "write {1} or less; it can be approved again"],
);

pub(super) const BYPASSES_MANY: Texts = caution(
    [
        "bypasses_max = {0}：保护可以大面积摘除",
        "bypasses_max = {0}: most of the protection may be bypassed at once",
    ],
    ["太多", "too many"],
    ["写 {1} 或更小", "write {1} or less"],
);

pub(super) const CAUSE_NOT_FAIL_SAFE: Texts = caution(
    ["联锁 {0} 的原因 {1} 坏了不会动作", "the cause {1} of the trip {0} cannot fail safe"],
    ["坏了等于没有保护", "when it is dead, nothing trips"],
    [
        "表决写 on_fault = \"trip\"；报警的位号写 safety = true",
        "write on_fault = \"trip\" for a vote, safety = true for the point of an alarm",
    ],
);

pub(super) const NO_POINTS: Texts = Texts {
    message: ["没有任何点：网关不会读任何设备", "there are no points: the gateway reads nothing"],
    label: ["没有点", "no points"],
    other: ALSO,
    help: [
        "写 [[points]]，或给设备写带点的 template",
        "write [[points]], or give a device a template with points",
    ],
};

pub(super) const NOTHING_SOUNDS: Texts = Texts {
    message: ["有报警，却没有声光输出", "there are alarms, and no output that sounds or lights"],
    label: ["没有 horn 或 beacon", "no horn or beacon"],
    other: ALSO,
    help: ["写 [[outputs]] role = \"horn\"", "write [[outputs]] with role = \"horn\""],
};

pub(super) const SHARED_ENDPOINT: Texts = Texts {
    message: ["两条总线连同一个地址 {0}", "two buses connect to the same address {0}"],
    label: ["第二次使用", "used again"],
    other: FIRST,
    help: [
        "很多设备只接受一个连接：通常应合并为一条总线",
        "many devices accept one connection: usually this is one bus",
    ],
};

pub(super) const COLLECTOR_INCOMPLETE: Texts = Texts {
    message: ["除尘器 {0} 没有 {1}", "the dust collector {0} has no {1}"],
    label: ["缺 {1}", "{1} missing"],
    other: ALSO,
    help: [
        "补上 profile = \"{2}\" 的点；没有信号就写 [[safeguards]] kind = \"{2}\", device = \"{0}\", state = \"fitted\" 或 \"absent\"",
        "add a point with profile = \"{2}\"; where there is no signal, [[safeguards]] kind = \"{2}\", device = \"{0}\", state = \"fitted\" or \"absent\"",
    ],
};

pub(super) const COLLECTOR_UNPROTECTED: Texts = Texts {
    message: [
        "除尘器 {0}：没有说明怎样泄爆、隔爆、惰化或抑爆",
        "the dust collector {0}: nothing says how an explosion is vented, isolated, inerted or suppressed",
    ],
    label: ["干式除尘器至少要有一种", "a dry collector needs one of them"],
    other: ALSO,
    help: [
        "写 [[safeguards]] kind = \"vent_panel\", device = \"{0}\", state = \"fitted\" 或 \"absent\"（没有即为重大事故隐患）",
        "write [[safeguards]] kind = \"vent_panel\", device = \"{0}\", state = \"fitted\" or \"absent\" (none is a major hazard)",
    ],
};

pub(super) const RUN_SHORT: Texts = Texts {
    message: ["许可 {0}：{1} = {2}，通常不少于 {3}", "permit {0}: {1} = {2}, commonly no less than {3}"],
    label: ["偏短", "short"],
    other: ALSO,
    help: [
        "除尘系统先于产尘设备启动 10 分钟、后于其停机 15 分钟；写 {3}，或确认管道能清空",
        "fans commonly run 10 min before and 15 min after their line; write {3}, or make sure that the ducts are cleared",
    ],
};
