//! The words of what can be wrong with votes, trips, permits and duties of upkeep; see [`super::catalogue`].

use super::catalogue::{ALSO, FIRST, Texts};

pub(super) const TWO_EXPECTATIONS: Texts = Texts {
    message: ["特征的一行里写了 {0} 和 {1} 两种期望", "a row of the signature expects both {0} and {1}"],
    label: ["第二种期望", "a second expectation"],
    other: ALSO,
    help: [
        "只留一种；另一种另写一行 [[signature]]",
        "keep one; write the other in a [[signature]] of its own",
    ],
};

pub(super) const EXPECTATION_AGAINST_TYPE: Texts = Texts {
    message: ["{0} 不能用于这一行的类型 {1}", "{0} is not for this row's type {1}"],
    label: ["永远不会相符", "can never be met"],
    other: ALSO,
    help: [
        "文本写 type = \"text\"、words 和 text；数和开关量写 equals、one_of、range 或 own_unit",
        "texts: type = \"text\", words and text; numbers and switches: equals, one_of, range or own_unit",
    ],
};

pub(super) const VOTE_RULE: Texts = Texts {
    message: [
        "表决 {0}：rule = \"{1}\" 与 {2} 个通道不符",
        "vote {0}: rule = \"{1}\" does not fit {2} channels",
    ],
    label: ["不符", "does not fit"],
    other: ALSO,
    help: ["写 \"1oo{2}\" 到 \"{2}oo{2}\" 之一", "write one of \"1oo{2}\" to \"{2}oo{2}\""],
};

pub(super) const NAMED_TWICE: Texts = Texts {
    message: ["同一行里写了两次", "named twice in one row"],
    label: ["第二次", "the second time"],
    other: ALSO,
    help: ["删去其中一个", "remove one of them"],
};

pub(super) const SAME_DETECTOR: Texts = Texts {
    message: ["两个通道是同一个探测器", "two channels are the same detector"],
    label: ["这一点已经有一票", "this point has a vote already"],
    other: ALSO,
    help: [
        "一个探测器只能有一票；另一级报警写在 any_of 里",
        "one detector has one vote; its other level belongs into any_of",
    ],
};

pub(super) const NOBODY_SPEAKS_FOR: Texts = Texts {
    message: [
        "any_of 里的探测器不在 channels 里：它坏了没有人知道",
        "the detector in any_of is not among channels: nobody would speak for its fault",
    ],
    label: ["channels 里没有这一点", "no channel on this point"],
    other: ALSO,
    help: [
        "把这一点的一级报警加进 channels，或为它单写一行联锁",
        "add its first level to channels, or give it a trip of its own",
    ],
};

pub(super) const FEEDBACK_LIMIT: Texts = Texts {
    message: ["反馈 {0}：要写 above 或 below 其中一个", "the feedback {0} takes either above or below"],
    label: ["不知道哪一侧为到位", "which side means there?"],
    other: ALSO,
    help: [
        "数值写 above = … 或 below = …；开关量断开为到位时写 below = 0.5",
        "numbers: above = … or below = …; a switch that is open when there: below = 0.5",
    ],
};

pub(super) const PROVES_TWO: Texts = Texts {
    message: ["反馈 {0} 已经证实另一个联锁", "the feedback {0} proves another trip already"],
    label: ["第二次使用", "used again"],
    other: ALSO,
    help: ["合并两个联锁，或用各自的反馈", "make them one trip, or give each its own feedback"],
};

pub(super) const ASSIST_MISSING: Texts = Texts {
    message: [
        "输出 {0}：role = \"interlock\" 要写明用途 assist",
        "the output {0}: role = \"interlock\" needs assist",
    ],
    label: ["缺少 assist", "assist is missing"],
    other: ALSO,
    help: [
        "写 assist = \"gas_valve_close\"、\"exhaust_fan_start\"、\"feed_stop\"、\"start_permit\"、\"fan_hold\" 或 \"annunciator\"；其他动作不归网关",
        "write assist = \"gas_valve_close\", \"exhaust_fan_start\", \"feed_stop\", \"start_permit\", \"fan_hold\" or \"annunciator\"; nothing else is the gateway's to do",
    ],
};

pub(super) const ASSIST_MISUSED: Texts = Texts {
    message: ["输出 {0} 的用途是 {1}，不能写在这里", "the output {0} is for {1} and cannot be driven here"],
    label: ["用途不符", "is for something else"],
    other: ALSO,
    help: [
        "start_permit 写在 [[permits]] 的 outputs，fan_hold 写在 hold.output，其余写在 [[trips]]",
        "start_permit belongs into outputs of [[permits]], fan_hold into hold.output, the others into [[trips]]",
    ],
};

pub(super) const HOLD_CONTRADICTS: Texts = Texts {
    message: [
        "同一个输出既保持风机运转，又被别的行驱动",
        "one output keeps a fan running and is driven by another row",
    ],
    label: ["两种含义", "means two things"],
    other: ALSO,
    help: ["给其中一个另用一个输出", "give one of them another output"],
};

pub(super) const NOT_ASSIST: Texts = Texts {
    message: ["这个输出的 role 不是 interlock", "this output's role is not interlock"],
    label: ["不由联锁驱动", "not for interlocks"],
    other: ALSO,
    help: ["改用 role = \"interlock\" 的输出", "use an output with role = \"interlock\""],
};

pub(super) const CYCLE: Texts = Texts {
    message: [
        "这一行等着自己：动作之后永远不能复位，或永远得不到许可",
        "this row waits for itself: once tripped it could never be reset, once withheld never granted",
    ],
    label: ["由本行自己造成", "brought about by the row itself"],
    other: ALSO,
    help: [
        "从 causes、requires 或 trips 里去掉它；要求到位才复位时用 prove",
        "remove it from causes, requires or trips; to need the safe position for a reset, use prove",
    ],
};

pub(super) const OUTPUT_ON_SIS: Texts = Texts {
    message: [
        "设备 {0} 属于安全仪表系统，只读",
        "the device {0} belongs to a safety instrumented system and is read only",
    ],
    label: ["sis = true", "sis = true"],
    other: ALSO,
    help: [
        "把输出接到别的设备；SIS 的动作由 SIS 自己完成",
        "wire the output to another device; what a SIS does is the SIS's own",
    ],
};

pub(super) const OUTPUT_WITHOUT_ROW: Texts = Texts {
    message: ["输出 {0}：没有一行联锁或许可驱动它", "no trip and no permit drives the output {0}"],
    label: ["永远不会动作", "never active"],
    other: ALSO,
    help: [
        "写进 [[trips]] 或 [[permits]] 的 outputs，或删去它",
        "name it in outputs of [[trips]] or [[permits]], or remove it",
    ],
};

pub(super) const UPKEEP_TWICE: Texts = Texts {
    message: ["{0} 的 {1} 写了两次", "{1} of {0} is written twice"],
    label: ["第二次", "the second time"],
    other: FIRST,
    help: ["同一点的同一种只写一次", "write each duty of a point once"],
};

pub(super) const UPKEEP_OF_TEXT: Texts = Texts {
    message: ["{0} 读的是文本，不能标定或测试", "{0} reads text: it can be neither calibrated nor tested"],
    label: ["没有数值", "no number"],
    other: ALSO,
    help: ["换成读数值的点", "name a point that reads numbers"],
};

pub(super) const UPKEEP_WARNS_EARLY: Texts = Texts {
    message: [
        "{0}：warn_days = {1} 不小于 every_days = {2}",
        "{0}: warn_days = {1} is no less than every_days = {2}",
    ],
    label: ["刚做完就会提醒", "due soon as soon as it was done"],
    other: ALSO,
    help: ["写得比 every_days 小", "write fewer days than every_days"],
};

pub(super) const CALIBRATION_PROVES: Texts = Texts {
    message: [
        "{0} 的标定写了 proves：标定时点已旁路，什么都不会动作",
        "the calibration of {0} has proves: its point is bypassed, so that nothing trips",
    ],
    label: ["看不到任何动作", "nothing trips"],
    other: ALSO,
    help: ["删去 proves，或写 duty = \"proof_test\"", "remove proves, or write duty = \"proof_test\""],
};

pub(super) const PROOF_PROVES_NOTHING: Texts = Texts {
    message: ["{0} 的功能测试没有要看到的动作", "the proof test of {0} has to see nothing"],
    label: ["没有可证实的", "proves nothing"],
    other: ALSO,
    help: [
        "写 proves，例如 \"{0}:high\"、\"trip:名称\"、\"feedback:名称\"",
        "write proves, such as \"{0}:high\", \"trip:NAME\" or \"feedback:NAME\"",
    ],
};

pub(super) const PROVES_OTHER_POINT: Texts = Texts {
    message: [
        "{0} 是别的点的报警：在 {1} 通气不会触发它",
        "{0} is an alarm of another point: gas at {1} does not trip it",
    ],
    label: ["别的点", "another point"],
    other: ALSO,
    help: ["写本点的报警", "name an alarm of the same point"],
};

pub(super) const PROVES_WITHOUT_FEEDBACK: Texts = Texts {
    message: ["联锁 {0} 没有 prove：没有反馈可看", "the trip {0} has no prove: there is no feedback to see"],
    label: ["没有反馈", "no feedback"],
    other: ALSO,
    help: ["给这个联锁写 prove，或改为 \"trip:{0}\"", "give the trip a prove, or write \"trip:{0}\""],
};

pub(super) const UPKEEP_LIMIT: Texts = Texts {
    message: ["{0}：deviation_max = {1} 须大于 0", "{0}: deviation_max = {1} must be above 0"],
    label: ["不可能满足", "nothing keeps it"],
    other: ALSO,
    help: ["写允许的最大偏差，用该点的单位", "write the largest deviation allowed, in the point's unit"],
};

pub(super) const BAD_MOMENT: Texts = Texts {
    message: ["{0} = \"{1}\" 不是时间", "{0} = \"{1}\" is no time"],
    label: ["不是时间", "no time"],
    other: ALSO,
    help: [
        "写成 \"2026-10-01T00:00\"（北京时间）",
        "write it as \"2026-10-01T00:00\" (Beijing time) or with its zone",
    ],
};

pub(super) const PERIOD_EMPTY: Texts = Texts {
    message: ["重点时段 {0}：{1} 到 {2} 没有时间", "key period {0}: there is no time from {1} to {2}"],
    label: ["不晚于开始", "not after its begin"],
    other: ["开始", "its begin"],
    help: ["让 until 晚于 from", "let until be after from"],
};

pub(super) const RENAMED_FROM_KNOWN: Texts = Texts {
    message: [
        "{1} 写了 renamed_from = \"{0}\"，但 {0} 仍在本文件里",
        "{1} says renamed_from = \"{0}\", and {0} is still there",
    ],
    label: ["仍在使用的名称", "a name that is in use"],
    other: ALSO,
    help: [
        "写改名前的名称；没有改名就删去 renamed_from",
        "write the name before the change; remove renamed_from where nothing was renamed",
    ],
};

pub(super) const RENAMED_FROM_TWICE: Texts = Texts {
    message: ["{0} 在两处写作改名前的名称", "two things were {0} before"],
    label: ["第二次使用", "used again"],
    other: FIRST,
    help: ["只在接替它的那一处写 renamed_from", "write renamed_from only where it stands on"],
};
