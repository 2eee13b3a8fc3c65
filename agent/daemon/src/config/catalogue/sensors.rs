//! The words of what can be wrong with sensors and what devices say of them; they join the catalogue at its end.

/// Gives `with_calls!` these rows after those it was given.
macro_rules! with_sensors {
    ($($rest:tt)*) => {
        with_calls! {
            $($rest)*
            // Sensors.
            "E1701" CurrentWithoutRange
                ["位号 {0}：current 要知道 4 mA 和 20 mA 各是多少", "{0}: current needs to know what 4 mA and 20 mA are"],
                ["缺少 range", "range is missing"], ALSO,
                ["写 range = [4 mA 的值, 20 mA 的值]，或写带量程的 profile", "write range = [value at 4 mA, value at 20 mA], or a profile that has one"];
            "E1702" CurrentAgainstScale
                ["位号 {0}：{1} 与 current 矛盾，换算由 range 决定", "{0}: {1} contradicts current; range decides the scale"],
                ["删去 {1}", "remove {1}"], ["current 在这里", "current is here"],
                ["只留一个：current 和 range，或 {1}", "keep one: current and range, or {1}"];
            "E1703" KeyWithoutCurrent
                ["位号 {0}：{1} 只用于 4–20 mA 的点", "{0}: {1} is for points on a 4–20 mA loop"],
                ["没有 current", "there is no current"], ALSO,
                ["写 current = \"ma\"、\"ua\" 或 \"counts\"，或删去 {1}", "write current = \"ma\", \"ua\" or \"counts\", or remove {1}"];
            "E1704" CountsAgainstCurrent
                ["位号 {0}：counts 与 current = \"{1}\" 不符", "{0}: counts does not fit current = \"{1}\""],
                ["{2}", "{2}"], ALSO,
                ["current = \"counts\" 时写 counts = [4 mA 的码值, 20 mA 的码值]，两数不同；否则不写", "with current = \"counts\" write counts = [counts at 4 mA, counts at 20 mA], two different numbers; else none"];
            "E1705" HoldBeyondStale
                ["位号 {0}：ne43_hold_ms = {1} 不小于 stale_ms = {2}：还没判为断线就已过期", "{0}: ne43_hold_ms = {1} is not less than stale_ms = {2}: the value is old before its failure is told"],
                ["太长", "too long"], ["过期时限", "the staleness limit"],
                ["写小于 {2} 的值（一般 2000）", "write less than {2} (2000 is usual)"];
            "E1706" OverRangeTwice
                ["位号 {0}：既写了 over_range，又写了 over_range 监视", "{0} has both over_range and a watch over_range"],
                ["第二处", "the second"], FIRST,
                ["只留一个；over_range = \"latch\" 就是保持到复位", "keep one; over_range = \"latch\" holds it until a reset"];
            "E1707" NeedsRange
                ["位号 {0}：{1} 需要 range", "{0}: {1} needs range"],
                ["缺少 range", "range is missing"], ALSO,
                ["写 range = [最小, 最大]", "write range = [least, greatest]"];
            "E1708" DriftBand
                ["位号 {0}：漂移限 limit_percent = {1} 不小于安静带 band_percent = {2}", "{0}: limit_percent = {1} of the drift is not less than band_percent = {2}"],
                ["永远不会算漂移", "never a drift"], ALSO,
                ["安静带要比漂移限宽，例如 band_percent = 10、limit_percent = 3", "quiet must be wider than a drift, such as band_percent = 10 and limit_percent = 3"];
            "E1709" FailureWithoutAlarm
                ["位号 {0}：on_failure = \"alarm\"，却没有报警", "{0}: on_failure = \"alarm\" without an alarm"],
                ["没有可动作的报警", "there is nothing to raise"], ALSO,
                ["写 alarms，或删去 on_failure", "write alarms, or remove on_failure"];
            "E1710" StatusTest
                ["状态 {0} 要写且只写一种判据，这里有 {1} 种", "the status {0} takes exactly one test; here are {1}"],
                ["bit、equals、one_of、none_of、range 选一", "one of bit, equals, one_of, none_of, range"], ALSO,
                ["整字写 bit 或值；开关量的点不写就是“为 1”，也可写 equals = 0，不写 bit", "a word takes a bit or values; a switch needs none (it is 1), or equals = 0, and no bit"];
            "E1711" StatusLimit
                ["状态 {0}：limit_min 只用于功能检查，这里是 {1}", "the status {0}: limit_min is for function checks; this is {1}"],
                ["用不上", "has no effect"], ALSO,
                ["删去 limit_min，或写 category = \"function_check\"", "remove limit_min, or write category = \"function_check\""];
            "E1712" StatusOf
                ["状态 {0} 不能说 {1}：{2}", "the status {0} cannot speak of {1}: {2}"],
                ["{2}", "{2}"], ALSO,
                ["of 里写测量值的点", "name measured values in of"];
            "E1713" StatusOfNothing
                ["状态 {0} 没有写说的是哪些点", "the status {0} does not say of which points it speaks"],
                ["缺少 of", "of is missing"], ALSO,
                ["写 of = [\"位号\"]；模板里也可以给测量点写 safety = true", "write of = [\"TAG\"]; in a template you may mark the measured points with safety = true"];
        }
    };
}
pub(super) use with_sensors;
