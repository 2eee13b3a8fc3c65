//! What the running adapter says of a line: each fault at the terminal block has its name, and one that is mended goes away.

use std::sync::Arc;
use std::time::Duration;

use hazard_agent::modbus::diagnosis::{Cause, Medium};
use hazard_agent::modbus::{Job, LinkStats, Request, spawn};
use hazard_core::id::{BusId, Ticket};
use hazard_core::link::ReadRequest;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::device::{Act, send};
use super::rig::{Rig, Wiring, holding};

struct Line {
    rig: Rig,
    jobs: mpsc::Sender<Job>,
    answered: mpsc::Receiver<hazard_core::Input>,
    stats: Arc<LinkStats>,
}

impl Line {
    async fn new(wiring: Wiring) -> Self {
        let rig = Rig::new(wiring).await;
        let (jobs, queue) = mpsc::channel(4);
        let (answers, answered) = mpsc::channel(4);
        let (_, stats) = spawn(BusId(0), rig.settings.clone(), queue, answers);
        Self { rig, jobs, answered, stats }
    }

    async fn ask(&mut self, act: Act, read: ReadRequest) {
        self.rig.device.plan(&[act]);
        let late_window = if matches!(act, Act::LateAside(_)) { 0 } else { 20 };
        let job = Job {
            ticket: Ticket(0),
            timeout: Duration::from_millis(60),
            late_window: Duration::from_millis(late_window),
            request: Request::Read(read),
        };
        self.jobs.send(job).await.unwrap();
        timeout(Duration::from_secs(60), self.answered.recv()).await.unwrap().unwrap();
    }

    fn causes(&self, unit: u8) -> Vec<Cause> {
        self.stats.unit(unit, Medium::Line).causes
    }
}

#[tokio::test]
async fn each_fault_of_a_line_has_its_name() {
    let rows: [(&[Act], &[Cause]); 8] = [
        (&[Act::Answer, Act::BlackHole, Act::BlackHole], &[Cause::Intermittent]),
        (&[Act::BlackHole, Act::BlackHole, Act::BlackHole], &[Cause::Dead]),
        (&[Act::Answer, Act::BadCheck, Act::NoiseBefore], &[Cause::Noise]),
        (&[Act::BadCheck, Act::BadCheck, Act::BadCheck], &[Cause::Parity]),
        (&[Act::Doubled], &[Cause::AddressConflict]),
        (&[Act::Refuse(2), Act::Refuse(2)], &[Cause::Refusing]),
        (&[Act::Refuse(6), Act::Refuse(5)], &[Cause::Busy]),
        (&[Act::Refuse(11), Act::Refuse(11)], &[Cause::UnitAbsent]),
    ];
    for (acts, expected) in rows {
        let mut line = Line::new(Wiring::Rtu).await;
        for act in acts {
            line.ask(*act, holding(1, 0, 1)).await;
        }
        // What comes behind an answer is heard before the next request.
        line.ask(Act::Answer, holding(2, 0, 1)).await;
        let others = line.causes(1);
        let alone = if expected == [Cause::Dead] { &[Cause::UnitAbsent][..] } else { expected };
        assert_eq!(others, alone, "{acts:?}");
    }
}

#[tokio::test]
async fn a_line_on_which_nobody_answers_is_dead_until_somebody_does() {
    let mut line = Line::new(Wiring::Rtu).await;
    for unit in [1, 2, 1, 2] {
        line.ask(Act::BlackHole, holding(unit, 0, 1)).await;
    }
    assert_eq!(line.stats.causes(Medium::Line), [Cause::Dead]);
    assert_eq!(line.causes(1), [Cause::Dead]);
    line.ask(Act::Answer, holding(2, 0, 1)).await;
    assert_eq!(line.stats.causes(Medium::Line), []);
    assert_eq!(line.causes(1), [Cause::UnitAbsent]);
    for _ in 0..60 {
        line.ask(Act::Answer, holding(1, 0, 1)).await;
    }
    assert_eq!(line.causes(1), [], "what was mended is forgotten");
}

#[tokio::test]
async fn another_master_is_told_and_a_late_answer_is_none() {
    let mut line = Line::new(Wiring::Rtu).await;
    line.ask(Act::Answer, holding(1, 0, 1)).await;
    // Unit 9, function 3, one register from 0.
    send(&line.rig.sink, &[9, 3, 0, 0, 0, 1, 0x85, 0x42]).await;
    line.ask(Act::Answer, holding(1, 0, 1)).await;
    assert_eq!(line.stats.causes(Medium::Line), [Cause::SecondMaster]);

    let mut line = Line::new(Wiring::Rtu).await;
    for _ in 0..3 {
        line.ask(Act::LateAside(70), holding(7, 0, 1)).await;
        let late = line.rig.device.clone();
        let before = late.late_replies();
        timeout(Duration::from_secs(60), async {
            while late.late_replies() == before {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        line.ask(Act::Answer, holding(2, 0, 1)).await;
    }
    assert_eq!(line.causes(7), [Cause::Slow]);
    assert_eq!(line.causes(2), []);
    assert_eq!(line.stats.causes(Medium::Line), []);
}

#[tokio::test]
async fn what_cannot_be_opened_is_gone_and_a_connection_without_answers_is_mute() {
    for wiring in [Wiring::Tcp, Wiring::RtuOverTcp] {
        let mut line = Line::new(wiring).await;
        for _ in 0..3 {
            line.ask(Act::BlackHole, holding(1, 0, 1)).await;
        }
        assert_eq!(line.stats.unit(1, Medium::Network).causes, [Cause::Mute], "{wiring:?}");
    }
    let rig = Rig::new(Wiring::Tcp).await;
    let settings = rig.settings.clone();
    rig.unplug().await;
    let (jobs, queue) = mpsc::channel(4);
    let (answers, mut answered) = mpsc::channel(4);
    let (_, stats) = spawn(BusId(0), settings, queue, answers);
    for _ in 0..3 {
        let late_window = Duration::ZERO;
        let request = Request::Read(holding(1, 0, 1));
        let job = Job { ticket: Ticket(0), timeout: Duration::from_millis(60), late_window, request };
        jobs.send(job).await.unwrap();
        timeout(Duration::from_secs(60), answered.recv()).await.unwrap().unwrap();
    }
    assert_eq!(stats.unit(1, Medium::Network).causes, [Cause::Gone]);
    assert_eq!(stats.causes(Medium::Network), [Cause::Gone]);
}
