//! The words of what can be wrong with named commands; they join the catalogue at its end.

/// Gives `catalogue!` these rows after those it was given.
macro_rules! with_commands {
    ($($rest:tt)*) => {
        catalogue! {
            $($rest)*
            // Named commands.
            "E1801" CommandFunction
                ["命令 {0}：功能码应为 5、6、15 或 16", "command {0}: the function is 5, 6, 15 or 16"],
                ["写哪个功能码", "which function"], ALSO,
                ["单个线圈写 function = 5，单个寄存器写 6，多个写 15 或 16", "function = 5 for one coil, 6 for one register, 15 or 16 for several"];
            "E1802" CommandType
                ["命令 {0}：功能码 {1} 写不了 {2}", "command {0}: function {1} cannot write {2}"],
                ["写不了", "cannot be written"], ALSO,
                ["功能码 6 只写一个寄存器，更宽的用 16；不能写寄存器里的几位，也不能写 text", "function 6 writes one register, 16 wider ones; bits of a register and texts are not written"];
            "E1803" CommandBounds
                ["命令 {0}：没有说明写什么值", "command {0}: nothing says which value is written"],
                ["缺少 value，或 min 和 max", "value, or min and max"], ALSO,
                ["总是同一个值写 value；由操作人员给出写 min 和 max（min 小于 max，step 大于 0），两者不能同写", "value for what is always the same; min and max (min below max, step above 0) for what people say; never both"];
            "E1804" CommandDoesNotFit
                ["命令 {0}：{1} 写不进它的寄存器", "command {0}: its registers cannot say {1}"],
                ["写不进", "does not fit"], ALSO,
                ["检查 type、scale、offset 和 coils：原始值要是该类型能表示的整数", "check type, scale, offset and coils: the raw value must be a number that the type can say"];
            "E1805" CommandOnSis
                ["命令 {0} 写的设备 {1} 属于安全仪表系统，只能读", "command {0} writes to {1}, which belongs to a safety instrumented system and is only read"],
                ["不得写", "must not be written"], ALSO,
                ["去掉这条命令；要改 SIS 的设定，到 SIS 的工程师站上按变更程序进行", "remove the command; a SIS is changed at its own engineering station, under management of change"];
            "E1806" CommandOnBroadcast
                ["命令 {0} 写的设备 {1} 站号为 0，即广播，没有应答可核实", "command {0} writes to {1} at unit 0, the broadcast, which nobody answers"],
                ["广播", "broadcast"], ALSO,
                ["写设备自己的站号", "give the device its own unit address"];
            "E1807" CommandDrivenByPanel
                ["命令 {0} 要写的线圈由输出 {1} 驱动", "command {0} writes a coil that the output {1} drives"],
                ["这个线圈归声光与联动输出", "the panel owns this coil"], ALSO,
                ["声光和联动输出只由报警驱动；消音用 hazard silence，复位用 hazard reset", "alarms alone drive outputs; silence with hazard silence, reset with hazard reset"];
            "E1808" CommandOverSafety
                ["命令 {0} 要写的地址上读着安全点 {1}", "command {0} writes where the safety point {1} is read"],
                ["会伪造测量值", "would make up a measurement"], ALSO,
                ["检查地址和 address_base；测量值的寄存器不可写", "check the address and address_base; the registers of a measurement are not written"];
            "E1809" CommandReadBack
                ["命令 {0}：不能从 {1} 读回", "command {0}: cannot be read back from {1}"],
                ["读不回", "not there"], ALSO,
                ["线圈从 coil 或 discrete 读回，寄存器从 holding 或 input 读回，地址不超出 65535", "coils are read back from coil or discrete, registers from holding or input, at addresses up to 65535"];
            "E1810" CommandKeyUnused
                ["命令 {0}：{1} 在这里没有用", "command {0}: {1} is of no use here"],
                ["没有用", "not used"], ALSO,
                ["{2}", "{2}"];
            "E1811" CommandAlone
                ["命令 {0} 可能降低保护，却写了 second_person = false", "command {0} may lower protection and has second_person = false"],
                ["须由另一人批准", "another person has to approve"], ALSO,
                ["去掉 second_person = false；确实不影响保护时改 risk", "remove second_person = false; where it does not touch protection, change risk"];
            "E1812" UnknownTemplateCommand
                ["设备 {1} 的模板里没有命令 {0}", "the template of {1} has no command {0}"],
                ["没有这条命令", "no such command"], ALSO,
                ["{2}", "{2}"];
        }
    };
}
pub(super) use with_commands;
