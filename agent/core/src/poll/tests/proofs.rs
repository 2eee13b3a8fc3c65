//! Modules that do not let their coils be read back: who is told, and for how long.

use super::*;

/// Reads back, which ends so.
fn proof(line: &mut Line, result: Result<(), LinkFault>) -> Reached {
    let Some(Ask::Read(..)) = line.send() else { panic!("nothing is read back at {:?}", line.now) };
    if result.is_ok() {
        line.poller.check(Ticket(line.ticket), Words::Bits(vec![false])).unwrap();
    }
    let answer = (Ticket(line.ticket), result);
    line.poller.settle(line.now, answer, &line.site, &mut line.health).unwrap().outputs[0].1
}

#[test]
fn a_refused_read_back_leaves_its_outputs_unverified_and_is_asked_for_again_at_a_pace() {
    let mut line = module();
    line.written();
    assert_eq!(proof(&mut line, REFUSED), Reached::Unverified, "at the first refusal");
    let mut asked_at = line.now;
    for pause in [5, 10, 20, 40, 60, 60] {
        let due = asked_at + Duration::from_secs(pause);
        while line.now < due {
            line.now = line.wake();
            assert_eq!(line.written(), Reached::Unverified, "an echo verifies nothing");
            assert!(line.now >= due || line.send().is_none(), "at {:?}, before {due:?}", line.now);
        }
        assert_eq!(line.now, due);
        asked_at = due;
        assert_eq!(proof(&mut line, REFUSED), Reached::Unverified);
        assert!(!line.health[0].is_offline());
    }
    while line.now < asked_at + Duration::from_secs(60) {
        line.now = line.wake();
        line.written();
    }
    assert_eq!(line.read_back(&[false]), Reached::Yes, "a read-back ends it");
    line.now = line.wake();
    assert_eq!(line.written(), Reached::Yes);
}

#[test]
fn a_module_that_refused_once_and_then_ignores_writes_is_at_fault() {
    let mut line = module();
    line.written();
    assert_eq!(proof(&mut line, REFUSED), Reached::Unverified);
    line.poller.follow(&Panel { energised: vec![true] }, line.now);
    line.written();
    line.now = line.wake();
    line.written();
    line.read_back(&[false]);
    line.now = line.wake();
    line.written();
    assert_eq!(line.read_back(&[false]), Reached::No, "within seconds of the first refusal");
    assert!(line.now < Mono::from_millis(10_000), "{:?}", line.now);
}

#[test]
fn read_backs_without_an_answer_leave_outputs_unverified_although_writes_arrive() {
    for fault in [LinkFault::Silent, LinkFault::Garbled, LinkFault::Refused(Exception::Busy)] {
        let mut line = module();
        let mut reached = Vec::new();
        for _ in 0..4 {
            line.written();
            reached.push(proof(&mut line, Err(fault)));
            line.now = line.wake();
        }
        let unverified = Reached::Unverified;
        assert_eq!(reached, [Reached::Yes, Reached::Yes, unverified, unverified], "{fault:?}");
        assert_eq!(line.written(), Reached::Unverified);
        assert_eq!(line.read_back(&[false]), Reached::Yes);
    }
}

#[test]
fn a_module_that_came_back_is_asked_at_once_whether_it_lets_itself_be_read() {
    let mut line = module();
    line.written();
    for _ in 0..6 {
        line.now = line.wake();
        line.send();
        line.settle(REFUSED);
    }
    while !line.health[0].is_offline() {
        line.now = line.wake();
        line.send();
        line.settle(SILENT);
    }
    line.now = line.wake();
    assert_eq!(line.written(), Reached::Unverified, "nobody has read it since");
    assert_eq!(line.read_back(&[false]), Reached::Yes);
}
