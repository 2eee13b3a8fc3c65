//! What acts and what people may do: outputs, votes, trips, permits, safeguards, key periods, upkeep, practice.

use hazard_core::annunciate::{OutputSpec, Role, Wiring};
use hazard_core::interlock::{
    Cause, FeedbackSpec, HoldSpec, Matrix, Permissive, PermitSpec, ProveSpec, TripSpec,
};
use hazard_core::period::KeyPeriodSpec;
use hazard_core::site::{Limits, Practice, SafeguardSpec, SafeguardState, SiteTables};
use hazard_core::upkeep::{self, Effect, UpkeepSpec};
use hazard_core::vote::{OnBypass, OnFault, VoteSpec};
use hazard_core::{Polarity, Side, Utc};

use super::fact::{Fact, Rule, Subject, Words};
use super::plant::{Plant, urgency};
use crate::dictionary::{SafeguardEntry, UpkeepEntry};
use crate::settings::GpioLine;

pub(super) fn subjects(plant: &Plant<'_>, gpio: &[Option<GpioLine>]) -> Vec<Subject> {
    // Buses, devices, points and alarms are in `plant`, uplinks and calls in `service`, commands in `command`.
    let SiteTables {
        buses: _,
        devices: _,
        points: _,
        sensors: _,
        statuses: _,
        alarms: _,
        outputs,
        matrix: Matrix { votes, trips, permits },
        uplinks: _,
        calls: _,
        safeguards,
        key_periods,
        upkeep,
        commands: _,
        limits,
        practice,
    } = &**plant.site;
    let mut subjects: Vec<Subject> =
        outputs.iter().zip(gpio).map(|(spec, line)| output(plant, spec, line.as_ref())).collect();
    subjects.extend(votes.iter().map(|spec| vote(plant, spec)));
    subjects.extend(trips.iter().map(|spec| trip(plant, spec)));
    subjects.extend(permits.iter().map(|spec| permit(plant, spec)));
    subjects.extend(safeguards.iter().zip(&plant.names.safeguards).map(safeguard));
    subjects.extend(key_periods.iter().map(key_period));
    subjects.extend(upkeep.iter().zip(&plant.names.upkeep).map(|(spec, entry)| duty(plant, spec, entry)));
    subjects.push(practised(*practice));
    subjects.push(bounds(*limits));
    subjects
}

fn output(plant: &Plant<'_>, spec: &OutputSpec, line: Option<&GpioLine>) -> Subject {
    let OutputSpec { name, role, wiring, polarity } = spec;
    let place = match (wiring, line) {
        (Wiring::Coil { device, address }, _) => format!("{} {address}", plant.device(*device)),
        (Wiring::Gpio, Some(GpioLine { chip, offset, active_low })) => {
            format!("{} {offset} active_low={active_low}", chip.display())
        }
        (Wiring::Gpio, None) => String::new(),
    };
    let dead_sounds = *polarity == Polarity::DeEnergiseToAlarm;
    let driven = if dead_sounds { "de_energise_to_alarm" } else { "energise_to_alarm" };
    let mut facts = vec![
        Fact::new(("接线", "wiring"), place, Rule::Sight),
        Fact::new(("接法", "polarity"), driven, Rule::yes_protects(dead_sounds)),
    ];
    let word = match role {
        Role::Horn(_) => "horn",
        Role::Beacon(_) => "beacon",
        Role::Fault => "fault",
        Role::Alarms(_) => "alarms",
        Role::Interlock => "interlock",
        Role::Heartbeat => "heartbeat",
    };
    facts.push(Fact::new(("作用", "role"), word, Rule::Matters));
    match role {
        Role::Horn(min) | Role::Beacon(min) => {
            let least = urgency(("最低优先级", "least priority"), *min);
            facts.push(least.with(Rule::Less(f64::from(*min as u8))));
        }
        Role::Alarms(alarms) => facts.extend(
            alarms
                .iter()
                .map(|alarm| Fact::member(("联动报警", "alarm"), plant.alarm(*alarm), Rule::Protects)),
        ),
        Role::Fault | Role::Interlock | Role::Heartbeat => {}
    }
    Subject { kind: ("输出", "output"), name: name.to_string(), rule: Rule::Protects, facts }
}

fn vote(plant: &Plant<'_>, spec: &VoteSpec) -> Subject {
    let VoteSpec { name, needed, channels, any_of, on_fault, on_bypass } = spec;
    let fewer = *on_bypass == OnBypass::NeedFewer;
    let rule = format!("{needed}oo{}", channels.len());
    let mut facts = vec![
        Fact::new(("表决", "rule"), rule, Rule::Less((*needed).into())),
        fault_does(("通道故障时", "on fault"), *on_fault),
        Fact::new(
            ("通道旁路时", "on bypass"),
            if fewer { "need_fewer" } else { "need_same" },
            Rule::yes_protects(fewer),
        ),
    ];
    let member = |what: Words, alarm| Fact::member(what, plant.alarm(alarm), Rule::Protects);
    facts.extend(channels.iter().map(|alarm| member(("通道", "channel"), *alarm)));
    facts.extend(any_of.iter().map(|alarm| member(("单独动作", "any of"), *alarm)));
    Subject { kind: ("表决", "vote"), name: name.to_string(), rule: Rule::Protects, facts }
}

fn fault_does(what: Words, on_fault: OnFault) -> Fact {
    let trips = on_fault == OnFault::Trip;
    Fact::new(what, if trips { "trip" } else { "leave_out" }, Rule::yes_protects(trips))
}

fn trip(plant: &Plant<'_>, spec: &TripSpec) -> Subject {
    let TripSpec { name, causes, on_fault, outputs, latch, permissives, prove, reset_button } = spec;
    let latch = Fact::yes_protects(("保持到复位", "latch"), *latch);
    let mut facts = vec![latch, fault_does(("原因的探测器失效时", "on fault"), *on_fault)];
    facts.extend(causes.iter().map(|one| member(("原因", "cause"), cause(plant, *one))));
    let outputs = outputs.iter().map(|one| output_name(plant, one.index()));
    facts.extend(outputs.map(|one| member(("动作", "output"), one)));
    facts.extend(permissives.iter().map(|one| match one {
        Permissive::Quiet(one) => member(("复位条件", "reset needs"), cause(plant, *one)),
        Permissive::Proven => member(("复位要求到位", "reset needs the proof"), String::new()),
    }));
    if let Some(ProveSpec { feedback, within }) = prove {
        let shown = self::feedback(plant, feedback);
        facts.push(Fact::new(("到位反馈", "feedback"), shown, Rule::Protects));
        facts.push(Fact::sooner(("到位时限", "proven within"), *within));
    }
    let button = reset_button.map(|point| plant.point(point));
    facts.extend(button.map(|tag| Fact::new(("复位按钮", "reset button"), tag, Rule::Matters)));
    Subject { kind: ("联锁", "trip"), name: name.to_string(), rule: Rule::Protects, facts }
}

fn permit(plant: &Plant<'_>, spec: &PermitSpec) -> Subject {
    let PermitSpec { name, fan, pre_run, requires, trips, outputs, hold } = spec;
    let mut facts = vec![
        Fact::new(("风机反馈", "fan"), feedback(plant, fan), Rule::Matters),
        Fact::longer(("风机先运转", "pre-run"), *pre_run),
    ];
    facts.extend(requires.iter().map(|one| member(("条件", "requires"), cause(plant, *one))));
    facts.extend(trips.iter().map(|trip| member(("须复位的联锁", "trip"), plant.names.trip_name(*trip))));
    let outputs = outputs.iter().map(|one| output_name(plant, one.index()));
    facts.extend(outputs.map(|one| member(("输出", "output"), one)));
    if let Some(HoldSpec { output, line, post_run, released_by }) = hold {
        let output = output_name(plant, output.index());
        facts.push(Fact::new(("延时停机输出", "fan hold"), output, Rule::Protects));
        facts.push(Fact::longer(("风机再运转", "post-run"), *post_run));
        let line = line.as_ref().map(|line| feedback(plant, line));
        facts.extend(line.map(|line| Fact::new(("产尘设备反馈", "line"), line, Rule::Matters)));
        facts.extend(released_by.iter().map(|trip| {
            Fact::member(("让风机停机的联锁", "released by"), plant.names.trip_name(*trip), Rule::Matters)
        }));
    }
    Subject { kind: ("启动许可", "permit"), name: name.to_string(), rule: Rule::Protects, facts }
}

fn safeguard((spec, entry): (&SafeguardSpec, &SafeguardEntry)) -> Subject {
    let SafeguardSpec { name, state } = spec;
    let SafeguardEntry { name: _, kind: _, absent: _, note, deadline } = entry;
    let state = match state {
        SafeguardState::Fitted => "fitted",
        SafeguardState::Absent => "absent",
    };
    let facts = vec![
        Fact::new(("状态", "state"), state, Rule::Matters),
        Fact::new(("说明", "note"), note, Rule::Text),
        Fact::new(("期限", "deadline"), deadline, Rule::Text),
    ];
    Subject { kind: ("安全设施", "safeguard"), name: name.to_string(), rule: Rule::Protects, facts }
}

fn key_period(spec: &KeyPeriodSpec) -> Subject {
    let KeyPeriodSpec { name, from, until, bypass_allowed } = spec;
    let facts = vec![
        Fact::new(("开始", "from"), moment(*from), Rule::Less(from.unix_ms() as f64)),
        Fact::new(("结束", "until"), moment(*until), Rule::More(until.unix_ms() as f64)),
        Fact::no_protects(("仍可旁路", "bypass allowed"), *bypass_allowed),
    ];
    Subject { kind: ("重点时段", "key period"), name: name.to_string(), rule: Rule::Protects, facts }
}

fn duty(plant: &Plant<'_>, spec: &UpkeepSpec, entry: &UpkeepEntry) -> Subject {
    let UpkeepSpec { point, duty: _, every, warn_before, limits, proves, last_done } = spec;
    let UpkeepEntry { point: _, duty, every_days: _ } = entry;
    let upkeep::Limits { response_max, recovery_max, deviation_max } = limits;
    let mut facts = vec![
        Fact::sooner(("周期", "every"), *every),
        Fact::longer(("提前提醒", "warned before"), *warn_before),
    ];
    facts.extend(response_max.map(|max| Fact::sooner(("响应时间上限", "response"), max)));
    facts.extend(recovery_max.map(|max| Fact::sooner(("恢复时间上限", "recovery"), max)));
    facts
        .extend(deviation_max.map(|max| {
            Fact::new(("允许偏差", "deviation"), plant.value(*point, max), Rule::Less(max.get()))
        }));
    facts.extend(proves.iter().map(|effect| {
        member(
            ("验证", "proves"),
            match effect {
                Effect::Alarm(alarm) => plant.alarm(*alarm),
                Effect::Trip(trip) => plant.names.trip_name(*trip),
                Effect::Feedback(trip) => format!("{} →", plant.names.trip_name(*trip)),
            },
        )
    }));
    facts.extend(last_done.map(|at| Fact::new(("上次完成", "last done"), moment(at), Rule::Matters)));
    let name = format!("{}/{duty}", plant.point(*point));
    Subject { kind: ("标定与测试", "upkeep"), name, rule: Rule::Protects, facts }
}

fn practised(practice: Practice) -> Subject {
    let Practice {
        reset_hold,
        bypass_max,
        bypasses_max,
        shelved_max,
        bypass_second_person,
        button_hold,
        button_stuck,
    } = practice;
    let fewer = |what: Words, most: u16| Fact::new(what, most, Rule::Less(most.into()));
    let facts = vec![
        Fact::longer(("复位后核对", "reset hold"), reset_hold),
        Fact::sooner(("旁路最长", "longest bypass"), bypass_max),
        fewer(("同时旁路最多", "bypasses at once"), bypasses_max),
        fewer(("同时搁置最多", "shelved at once"), shelved_max),
        Fact::yes_protects(
            ("安全点旁路须另一人批准", "a bypass of a safety point needs another person"),
            bypass_second_person,
        ),
        Fact::longer(("按钮须按住", "buttons are held for"), button_hold),
        Fact::sooner(("按钮卡住判定", "buttons are stuck after"), button_stuck),
    ];
    Subject { kind: ("操作规矩", "practice"), name: String::new(), rule: Rule::Matters, facts }
}

fn bounds(limits: Limits) -> Subject {
    let Limits { recent_readings_max, recent_events_max, journal_backlog_max } = limits;
    let facts = vec![
        Fact::new(("内存读数", "readings in memory"), recent_readings_max, Rule::Service),
        Fact::new(("内存事件", "events in memory"), recent_events_max, Rule::Service),
        Fact::new(("等待落盘", "journal backlog"), journal_backlog_max, Rule::Service),
    ];
    Subject { kind: ("内存上限", "limits"), name: String::new(), rule: Rule::Service, facts }
}

fn member(what: Words, name: String) -> Fact {
    Fact::member(what, name, Rule::Protects)
}

fn cause(plant: &Plant<'_>, cause: Cause) -> String {
    match cause {
        Cause::Alarm(alarm) => plant.alarm(alarm),
        Cause::Vote(vote) => plant.names.votes.get(vote.index()).cloned().unwrap_or_default(),
    }
}

fn output_name(plant: &Plant<'_>, index: usize) -> String {
    plant.names.outputs.get(index).cloned().unwrap_or_default()
}

fn feedback(plant: &Plant<'_>, feedback: &FeedbackSpec) -> String {
    let FeedbackSpec { point, side, limit } = feedback;
    let sign = match side {
        Side::High => "≥",
        Side::Low => "≤",
    };
    format!("{} {sign} {}", plant.point(*point), plant.value(*point, *limit))
}

fn moment(at: Utc) -> String {
    jiff::Timestamp::from_millisecond(at.unix_ms()).map_or_else(|_| String::new(), |at| at.to_string())
}
