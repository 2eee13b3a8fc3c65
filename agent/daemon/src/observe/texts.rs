//! What the screen says to people: each of the contract's words in the operator's, with what to look at first.

use crate::config::Lang;

pub(super) const fn pick(lang: Lang, zh: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

/// The entry for `word`; a word from a later version is shown as it is.
pub(super) fn look<'a>(table: &[(&str, &'static str, &'static str)], word: &'a str, lang: Lang) -> &'a str {
    let found = table.iter().find(|(known, _, _)| *known == word);
    found.map_or(word, |(_, zh, en)| pick(lang, zh, en))
}

pub(crate) fn kind(word: &str, lang: Lang) -> &str {
    const KINDS: [(&str, &str, &str); 12] = [
        ("unproven", "未到位", "not in its safe position"),
        ("low_low", "低低报", "low-low"),
        ("low", "低报", "low"),
        ("high", "高报", "high"),
        ("high_high", "高高报", "high-high"),
        ("digital", "动作", "tripped"),
        ("lost", "失去监测", "lost"),
        ("rate", "变化过快", "changes too fast"),
        ("deviation", "偏差", "deviation"),
        ("discrepancy", "命令与反馈不符", "command and feedback differ"),
        ("frozen", "读数卡死", "frozen"),
        ("over_range", "超量程", "over range"),
    ];
    look(&KINDS, word, lang)
}

pub(super) fn risk(word: &str, lang: Lang) -> &str {
    const RISKS: [(&str, &str, &str); 3] = [
        ("routine", "一般", "routine"),
        ("calibration", "影响测量", "changes measuring"),
        ("protection", "影响保护", "changes protection"),
    ];
    look(&RISKS, word, lang)
}

pub(super) fn priority(word: &str, lang: Lang) -> &str {
    const PRIORITIES: [(&str, &str, &str); 4] = [
        ("low", "低", "low"),
        ("medium", "中", "medium"),
        ("high", "高", "high"),
        ("critical", "紧急", "critical"),
    ];
    look(&PRIORITIES, word, lang)
}

pub(super) fn state(word: &str, lang: Lang) -> &str {
    const STATES: [(&str, &str, &str); 8] = [
        ("unacked", "未确认", "unacked"),
        ("acked", "已确认", "acked"),
        ("rtn_unacked", "已恢复未确认", "returned, unacked"),
        ("latched_unacked", "待复位未确认", "latched, unacked"),
        ("latched_acked", "待复位", "latched, to be reset"),
        ("shelved", "已搁置", "shelved"),
        ("suppressed", "设计抑制", "suppressed by design"),
        ("out_of_service", "退出服务", "out of service"),
    ];
    look(&STATES, word, lang)
}

pub(super) fn trip(word: &str, lang: Lang) -> &str {
    const TRIPS: [(&str, &str, &str); 3] = [
        ("ready", "正常", "ready"),
        ("tripped", "已动作", "tripped"),
        ("held", "已动作，原因已消失，待复位", "tripped, its causes are gone, to be reset"),
    ];
    look(&TRIPS, word, lang)
}

pub(super) fn proof(word: &str, lang: Lang) -> &str {
    const PROOFS: [(&str, &str, &str); 4] = [
        ("awaited", "等待到位", "not shown yet"),
        ("proven", "已到位", "shown in its safe position"),
        ("not_shown", "未到位", "not in its safe position"),
        ("left", "离开了到位位置", "left its safe position"),
    ];
    look(&PROOFS, word, lang)
}

pub(super) fn permit(word: &str, lang: Lang) -> &str {
    const PERMITS: [(&str, &str, &str); 4] = [
        ("fan_off", "不许可：风机未运转", "not permitted: the fan does not run"),
        ("pre_run", "不许可：风机预运转", "not permitted: the fan runs up"),
        ("withheld", "不许可：条件不具备", "not permitted: something required does not hold"),
        ("granted", "许可", "permitted"),
    ];
    look(&PERMITS, word, lang)
}

pub(super) fn hold(word: &str, lang: Lang) -> &str {
    const HOLDS: [(&str, &str, &str); 3] = [
        ("line_runs", "风机须运转", "the fan must run"),
        ("post_run", "风机延时停机", "the fan runs on"),
        ("released", "风机可停", "the fan may stop"),
    ];
    look(&HOLDS, word, lang)
}

pub(super) fn duty(word: &str, lang: Lang) -> &str {
    const DUTIES: [(&str, &str, &str); 2] =
        [("calibration", "标定", "calibration"), ("proof_test", "功能测试", "proof test")];
    look(&DUTIES, word, lang)
}

pub(super) fn due(word: &str, lang: Lang) -> &str {
    const DUES: [(&str, &str, &str); 5] = [
        ("fine", "未到期", "fine"),
        ("due_soon", "即将到期", "due soon"),
        ("overdue", "超期", "overdue"),
        ("never_done", "从未做过", "never done"),
        ("unjudged", "时钟不可信，无法判断", "the clock cannot tell"),
    ];
    look(&DUES, word, lang)
}

/// Why a test was not passed; `never_90` and `never_back` are `too_slow` and `not_recovered` without a time.
pub(super) fn failure(word: &str, lang: Lang) -> &str {
    const FAILURES: [(&str, &str, &str); 13] = [
        ("no_good_value", "加气前或加气中没有可信的读数", "no believable value before the gas or under it"),
        ("no_response", "读数没有离开基线", "the value never left its baseline"),
        ("too_slow", "响应太慢", "responded too slowly"),
        ("never_90", "没有达到 90 %", "never came to 90 %"),
        ("not_recovered", "恢复太慢", "came back too slowly"),
        ("never_back", "没有回到基线", "never came back"),
        ("deviation", "偏差超限", "the deviation is too large"),
        ("alarm_did_not_trip", "没有报警", "did not trip"),
        ("trip_did_not_move", "没有动作", "did not move"),
        ("not_proven", "反馈没有显示到位", "its feedback did not show the safe position"),
        ("aborted", "中途放弃", "given up"),
        ("restarted", "网关中途重启，已看到的作废", "the gateway restarted: what it had seen is gone"),
        ("timed_out", "到时没有人完成", "nobody finished it in time"),
    ];
    look(&FAILURES, word, lang)
}

pub(super) fn outcome(word: &str, lang: Lang) -> &str {
    const OUTCOMES: [(&str, &str, &str); 4] = [
        ("quiet", "正常", "quiet"),
        ("unread", "尚未读到", "not read yet"),
        ("blind", "全部旁路", "all bypassed"),
        ("tripped", "动作", "tripped"),
    ];
    look(&OUTCOMES, word, lang)
}

pub(super) fn fault(word: &str, lang: Lang) -> &str {
    const FAULTS: [(&str, &str, &str); 4] = [
        (
            "silent",
            "无应答：检查供电、A/B 线、站号、波特率",
            "no answer: check power, A/B wires, unit address, baud rate",
        ),
        (
            "garbled",
            "应答错乱：检查校验位、终端电阻、屏蔽接地、站号是否重复",
            "garbled answers: check parity, terminators, shielding, doubled unit address",
        ),
        (
            "refused",
            "设备拒绝：核对设备型号、功能码与寄存器地址",
            "refused: check the device's model, function code and register addresses",
        ),
        (
            "gone",
            "端口或连接不存在：检查串口、网线、转换器电源",
            "no port or connection: check serial port, network cable, converter",
        ),
    ];
    look(&FAULTS, word, lang)
}

pub(super) fn doubt(word: &str, lang: Lang) -> &str {
    const DOUBTS: [(&str, &str, &str); 19] = [
        ("over_range", "超过量程上限", "above its range"),
        ("under_range", "低于量程下限", "below its range"),
        ("after_fault", "线路故障后的第一个值，待核实", "first value after a line fault, to be confirmed"),
        ("rounded", "整数过大，末位不准", "integer too large, last digits lost"),
        ("bypassed", "已旁路，读数可能是标准气", "bypassed: it may read test gas"),
        ("never_read", "启动后尚未读到", "not read since the start"),
        ("stale", "超时未更新", "too old"),
        ("not_a_number", "寄存器内容不是数值", "the registers hold no number"),
        (
            "sentinel",
            "设备报告无测量值：检查探测器是否故障或预热",
            "the device reports no measurement: check the detector",
        ),
        ("not_bcd", "寄存器不是 BCD 码：核对数据类型", "not binary-coded decimal: check the shape"),
        ("bad_scaling", "倍率寄存器不可用：核对点表", "scaling register unusable: check the point table"),
        ("not_text", "不是可读文本：核对数据类型", "not a readable text: check the shape"),
        (
            "function_check",
            "设备预热、标定或屏蔽中，读数不可信",
            "the device checks itself: not to be believed",
        ),
        (
            "over_range_held",
            "曾超量程，未复位：可能已被气体淹没",
            "was above its range and is not reset: it may be flooded",
        ),
        ("current_low", "电流 ≤ 3.6 mA：查断线、供电", "current up to 3.6 mA: check wire and supply"),
        ("current_high", "电流 ≥ 21 mA：查短路、变送器", "current from 21 mA: check for a short circuit"),
        ("sensor_failure", "设备报传感器故障", "the device reports a failure of its sensor"),
        ("check_overdue", "功能检查超时，视为失去", "its function check has lasted too long: counts as lost"),
        ("bad", "无数据", "no value"),
    ];
    match word {
        "silent" | "garbled" | "refused" | "gone" => fault(word, lang),
        _ => look(&DOUBTS, word, lang),
    }
}

const CONDITIONS: [(&str, &str, &str); 30] = [
    (
        "retentive_lost",
        "掉电保持丢失：停机前的报警和联锁状态不明，锁定型联锁一律保持；现场确认后复位",
        "what stood before the restart is not known: latching trips are held; look at the plant, then reset",
    ),
    (
        "site_file_invalid",
        "配置文件无效：正在按上一份有效配置运行；hazard check 指出错在哪里",
        "cannot be used: the last good configuration runs; `hazard check` names the faults",
    ),
    (
        "output_unverified",
        "输出未经验证：继电器模块拒绝回读，无法确认是否动作；定期重试",
        "not verified: its module refuses to be read back, so whether it moved is not known; tried again",
    ),
    (
        "button_stuck",
        "按钮卡住：触点一直闭合；检查按钮和接线",
        "stuck: the contact stays closed; check button and wire",
    ),
    (
        "button_flapping",
        "按钮抖动：触点时通时断，按下不算；检查接线",
        "flapping: the contact comes and goes, and its presses do not count; check the wire",
    ),
    (
        "sensor_intermittent",
        "时好时坏：近来多数时间没有可信的值；检查接线和供电",
        "comes and goes: without a believable value for much of the last minutes; check wire and supply",
    ),
    (
        "device_intermittent",
        "时通时断：反复失联又恢复；检查接线、供电、地址冲突",
        "keeps going offline and coming back: check wires, supply, a second device at its address",
    ),
    ("sensor_failure", "传感器失效（NE 107 F）", "its sensor has failed (NE 107 F)"),
    (
        "sensor_check",
        "功能检查（NE 107 C）：报警暂停，限时",
        "function check (NE 107 C): its alarms are held for a limited time",
    ),
    (
        "sensor_check_overdue",
        "功能检查超时：视为失去；结束标定或屏蔽，查设备",
        "its function check has lasted too long: end it, or see to the device",
    ),
    ("sensor_out_of_specification", "超出规范（NE 107 S）", "out of specification (NE 107 S)"),
    (
        "sensor_maintenance",
        "需维护（NE 107 M）：安排标定或更换",
        "maintenance required (NE 107 M): calibrate or replace",
    ),
    (
        "call_failed",
        "呼叫不到：检查网络和接收程序，已改叫下一级",
        "cannot be called: check network and receiver; the next rung is called instead",
    ),
    ("key_period", "限值收紧，不得新开旁路", "set-points are tighter, and no bypass is begun"),
    (
        "alarm_flood",
        "报警泛滥：十分钟内超过 10 条，先看首警",
        "alarm flood: more than 10 in ten minutes; look at the first-up",
    ),
    ("alarm_chatter", "报警抖动：检查回差和延时", "comes and goes: check its deadband and delays"),
    (
        "retentive_down",
        "掉电保持写不进：断电后报警和旁路会丢；检查磁盘",
        "what must outlive a power cut cannot be kept: check the disk",
    ),
    (
        "journal_down",
        "日志写不进：记录只在内存，断电即失；检查磁盘",
        "cannot be written: records are in memory only; check the disk",
    ),
    (
        "journal_full",
        "日志已满：平台未确认的记录已被清除；恢复上联，或加大日志配额",
        "full: records that a platform had not confirmed were let go; restore the uplink, or enlarge the quota",
    ),
    ("journal_behind", "日志跟不上读数：检查磁盘速度", "too slow for the readings: check the disk"),
    (
        "uplink_down",
        "断开：检查网络、平台地址、证书",
        "not connected: check network, platform address, certificates",
    ),
    (
        "receipts_missing",
        "平台不回执：已发出的不算确认；联系平台方",
        "the platform confirms nothing of what was sent: ask those who run it",
    ),
    (
        "output_fault",
        "输出写不进：检查继电器模块的供电与接线，现场声光可能不动作",
        "does not take its level: check the relay module; horn or beacon may stay off",
    ),
    (
        "bus_down",
        "总线不通：检查串口、网线、转换器电源",
        "no port or connection: check serial port, network cable, converter",
    ),
    (
        "bus_overrun",
        "轮询超时：设备太多或周期太短",
        "cannot keep its periods: too many devices or too short periods",
    ),
    (
        "delay_exceeded",
        "报警延迟超限：比 hazard plan 的最坏情况还慢；先查应答慢或断续的设备",
        "alarms take longer than `hazard plan` says: first the devices that answer late or now and then",
    ),
    ("clock_untrusted", "时钟不可信：检查对时", "not to be trusted: check time synchronisation"),
    (
        "safeguard_absent",
        "未设置：重大事故隐患，按整改期限补设",
        "not fitted: a standing major hazard; have it fitted by its deadline",
    ),
    (
        "upkeep_due",
        "标定或功能测试超期或从未做过，见 hazard upkeep",
        "overdue or never done: see hazard upkeep",
    ),
    ("upkeep_failing", "上次标定或功能测试未通过：检修后重做", "not passed last time: repair and test again"),
];

pub(super) fn condition(word: &str, lang: Lang) -> &str {
    look(&CONDITIONS, word, lang)
}

/// What a condition without a name is about.
pub(super) fn subject(word: &str, lang: Lang) -> &'static str {
    match word {
        "journal_down" | "journal_behind" | "journal_full" => pick(lang, "日志", "journal"),
        "clock_untrusted" => pick(lang, "时钟", "clock"),
        "uplink_down" | "receipts_missing" => pick(lang, "上行", "uplink"),
        "output_fault" | "output_unverified" => pick(lang, "输出", "output"),
        "bus_down" | "bus_overrun" | "delay_exceeded" => pick(lang, "总线", "bus"),
        "key_period" => pick(lang, "重点时段", "key period"),
        "safeguard_absent" => pick(lang, "安全设施", "safeguard"),
        "upkeep_due" | "upkeep_failing" => pick(lang, "标定与测试", "upkeep"),
        "call_failed" => pick(lang, "叫应", "role"),
        "site_file_invalid" => pick(lang, "配置文件", "site file"),
        "device_intermittent" => pick(lang, "设备", "device"),
        word if word.starts_with("button_") => pick(lang, "按钮", "button"),
        word if word.starts_with("sensor_") => pick(lang, "传感器", "sensor"),
        _ => pick(lang, "自身", "agent"),
    }
}

pub(super) fn clock(word: &str, lang: Lang) -> &str {
    const TRUSTS: [(&str, &str, &str); 3] = [
        ("unset", "未对时，不可信", "not set, not to be trusted"),
        ("free", "未经对时确认", "not confirmed"),
        ("synced", "已对时", "synchronised"),
    ];
    look(&TRUSTS, word, lang)
}

pub(super) fn journal(word: &str, lang: Lang) -> &str {
    const JOURNALS: [(&str, &str, &str); 3] =
        [("opening", "正在打开", "opening"), ("open", "正常", "open"), ("down", "不可用", "down")];
    look(&JOURNALS, word, lang)
}

pub(super) fn delivery(word: &str, lang: Lang) -> &str {
    const DELIVERIES: [(&str, &str, &str); 5] = [
        ("delivered", "已送达", "delivered"),
        ("unreachable", "送不到：网络或接收程序不通", "not delivered: no way to the receiver"),
        (
            "refused",
            "送不到：接收程序拒绝，核对地址、密钥、证书",
            "refused: check address, secret, certificate",
        ),
        ("crowded", "送不到：排队的太多", "not delivered: too many are waiting"),
        ("unreported", "送不到：没有回音", "not delivered: nobody said what became of it"),
    ];
    look(&DELIVERIES, word, lang)
}
