//! What people may have written to devices: each named command with what it can do to protection.

use hazard_core::device_command::{Bounds, DeviceCommandSpec, Needs, ReadBack, Risk, Target};

use super::fact::{Fact, Rule, Subject};
use super::plant::Plant;
use crate::dictionary::CommandEntry;
use crate::words;

pub(super) fn subjects(plant: &Plant<'_>) -> Vec<Subject> {
    let commands = plant.site.commands.iter().zip(&plant.names.commands);
    commands.map(|(spec, entry)| command(plant, spec, entry)).collect()
}

fn command(plant: &Plant<'_>, spec: &DeviceCommandSpec, entry: &CommandEntry) -> Subject {
    let DeviceCommandSpec {
        name,
        device,
        target: Target { start, shape, coils, order, scale, offset, always_many },
        bounds,
        read_back,
        risk,
        needs: Needs { reason, second_person },
        retries,
        deadline,
        every,
    } = spec;
    let CommandEntry { name: _, zh, en, device: _, unit } = entry;
    let target = format!("{start} {shape:?}×{coils} {order:?} many={always_many}");
    let wiring = match risk {
        Risk::Routine => Rule::Wiring,
        Risk::Calibration | Risk::Protection => Rule::Sight,
    };
    let mut facts = vec![
        Fact::new(("中文名称", "name in Chinese"), zh, Rule::Text),
        Fact::new(("英文名称", "name in English"), en, Rule::Text),
        Fact::new(("单位", "unit"), unit, Rule::Text),
        Fact::new(("设备", "device"), plant.device(*device), wiring),
        Fact::new(("写到", "writes"), target, wiring),
        Fact::new(("比例", "scale"), scale, wiring),
        Fact::new(("偏移", "offset"), offset, wiring),
        Fact::new(("风险", "risk"), words::risk(*risk), Rule::More(f64::from(*risk as u8))),
        Fact::yes_protects(("须写原因", "needs a reason"), *reason),
        Fact::yes_protects(("须另一人批准", "needs a second person"), *second_person),
        Fact::yes_protects(("读回核实", "read back"), read_back.is_some()),
        Fact::new(("最多重写", "retries"), retries, Rule::Matters),
        Fact::new(("时限", "deadline"), super::fact::time(*deadline), Rule::Matters),
        Fact::longer(("两次间隔", "distance of two"), *every),
    ];
    match bounds {
        Bounds::Fixed(value) => {
            facts.push(Fact::new(("固定值", "fixed value"), value.get(), Rule::Matters));
        }
        Bounds::Given { min, max, step } => {
            facts.push(Fact::new(("最小值", "least value"), min.get(), Rule::More(min.get())));
            facts.push(Fact::new(("最大值", "greatest value"), max.get(), Rule::Less(max.get())));
            let step = step.map_or_else(String::new, |step| step.get().to_string());
            facts.push(Fact::new(("步长", "step"), step, Rule::Matters));
        }
    }
    if let Some(ReadBack { table, start, tolerance }) = read_back {
        facts.push(Fact::new(("读回地址", "read back at"), format!("{table:?} {start}"), wiring));
        let tolerance = tolerance.get();
        facts.push(Fact::new(("容差", "tolerance"), tolerance, Rule::Less(tolerance)));
    }
    // What was not possible before can lower protection; what is not any more cannot.
    let rule = match risk {
        Risk::Routine => Rule::Matters,
        Risk::Calibration | Risk::Protection => Rule::Lessens,
    };
    Subject { kind: ("命令", "command"), name: name.to_string(), rule, facts }
}
