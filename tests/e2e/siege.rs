//! Neighbours, operators and clocks at their worst: the agent keeps polling, keeps its alarms, and leaks nothing.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::agent::{Agent, SiteParts, site};
use crate::broker::{Mosquitto, certificates};
use crate::endurance::{World, stands};
use crate::plant::Plant;
use crate::platform::Platform;
use crate::tools::{FAKETIME, free_port, skip, wait_for};

/// How long the storm of connections blows.
const STORM: Duration = Duration::from_secs(60);

#[test]
fn devices_that_never_answer_or_refuse_delay_no_other_bus_and_their_lost_points_are_alarms() {
    let dir = tempfile::tempdir().unwrap();
    let Some(plant) = Plant::start() else {
        return;
    };
    let hole = BlackHole::dig();
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    let file = site(dir.path(), &SiteParts { bus: &plant.bus(), uplink: &uplink });
    let period = Duration::from_secs(1);
    let mut text = std::fs::read_to_string(&file).unwrap().replace("poll_ms = 200", "poll_ms = 1000");
    for (name, port) in [("hole", hole.port), ("wall", free_port())] {
        text += &format!(
            "\n[[buses]]\nid = \"{name}\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\n\
             [[devices]]\nid = \"{name}\"\nbus = \"{name}\"\nunit = 1\npoll_ms = 1000\ntimeout_ms = 300\n\
             [[points]]\ntag = \"GT-{name}\"\ndevice = \"{name}\"\ntable = \"holding\"\naddress = 0\ntype = \"u16\"\n\
             alarms = [{{ kind = \"high\", setpoint = 25 }}]\n"
        );
    }
    std::fs::write(&file, text).unwrap();
    let agent = Agent::start(&file);
    for name in ["hole", "wall"] {
        agent.wait("the lost alarm", |status| {
            let mut alarms = status["alarms"].as_array().into_iter().flatten();
            alarms.any(|alarm| alarm["point"] == format!("GT-{name}") && alarm["kind"] == "lost")
        });
    }
    wait_for("ten polls", || (plant.polls() > 12).then_some(()));
    let gap = plant.longest_gap_after(2);
    assert!(gap <= period.mul_f64(1.3), "the longest gap was {gap:?}");
    let alarms = agent.status()["alarms"].clone();
    assert_eq!(alarms.as_array().map(Vec::len), Some(2), "both stand, and no other: {alarms}");
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn a_clock_at_1970_is_said_to_be_unset_tls_connects_and_a_jump_is_recorded_and_disturbs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    if !Path::new(FAKETIME).exists() {
        return skip("libfaketime is not installed");
    }
    certificates(dir.path());
    let plain = free_port();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (ca, key, cert) = (path("ca.pem"), path("server.key"), path("server.pem"));
    let tls = format!("cafile {ca}\ncertfile {cert}\nkeyfile {key}\nlistener {plain} 127.0.0.1");
    let (Some(plant), Some(broker)) = (Plant::start(), Mosquitto::start(dir.path(), &tls)) else {
        return;
    };
    let uplink = format!("host = \"localhost\"\nport = {}\ntls = {{ ca = \"{ca}\" }}", broker.port);
    let file = site(dir.path(), &SiteParts { bus: &plant.bus(), uplink: &uplink });
    let platform = Platform::subscribe(plain, None);
    let clock = path("clock");
    std::fs::write(&clock, "@1970-01-02 00:00:00").unwrap();
    let agent = Agent::start_in(
        &file,
        &[
            ("LD_PRELOAD", FAKETIME),
            ("FAKETIME_TIMESTAMP_FILE", &clock),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    );
    platform.wait("readings", |seen| (seen.values("CNT-1").len() > 3).then_some(()));
    platform.look(|seen| {
        let early = |record: &serde_json::Value| {
            record["clock"] == "unset" && record["at"].as_str().unwrap().starts_with("1970-")
        };
        assert!(seen.records.values().all(early), "{:?}", seen.records);
    });
    assert!(stands(&agent.status(), "clock_untrusted"));

    let from = plant.counted();
    for (set, year) in [("+0d", "20"), ("@1999-01-01 00:00:00", "1999-"), ("+0d", "20")] {
        let steps = platform.look(|seen| seen.steps_to(year));
        std::fs::write(&clock, set).unwrap();
        platform.wait("the step", |seen| (seen.steps_to(year) > steps).then_some(()));
    }
    let to = plant.count(4);
    platform.wait("every value of that time", |seen| {
        let values = seen.values("CNT-1");
        (from..to).all(|value| values.contains(&f64::from(value))).then_some(())
    });
    agent.wait("a clock that is trusted", |status| !stands(status, "clock_untrusted"));
    platform.is_content();
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn what_was_recorded_in_1970_arrives_with_its_true_time_even_after_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    if !Path::new(FAKETIME).exists() {
        return skip("libfaketime is not installed");
    }
    let (Some(plant), Some(mut broker)) = (Plant::start(), Mosquitto::start(dir.path(), "")) else {
        return;
    };
    broker.kill();
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", broker.port);
    let file = site(dir.path(), &SiteParts { bus: &plant.bus(), uplink: &uplink });
    let clock = dir.path().join("clock").display().to_string();
    std::fs::write(&clock, "@1970-01-02 00:00:00").unwrap();
    let environment = [
        ("LD_PRELOAD", FAKETIME),
        ("FAKETIME_TIMESTAMP_FILE", &*clock),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let began = date("-2 seconds");
    let agent = Agent::start_in(&file, &environment);
    agent.wait("records of 1970", |status| {
        stands(status, "clock_untrusted") && status["ledger"]["stored"]["records"].as_u64() > Some(5)
    });
    std::fs::write(&clock, "+0d").unwrap();
    let known = agent.wait("the time, and all on disk", |status| {
        !stands(status, "clock_untrusted") && status["ledger"]["waiting"]["records"] == 0
    });
    let ended = date("+10 seconds");
    agent.kill();
    broker.run();
    let platform = Platform::subscribe(broker.port, None);
    let agent = Agent::start(&file);
    let epoch = known["agent"]["epoch"].as_str().unwrap().to_owned();
    let last = known["ledger"]["stored"]["records"].as_u64().unwrap();
    platform.wait("all of it, without a gap", |seen| seen.is_gapless(&epoch, last).then_some(()));
    platform.look(|seen| {
        let records = seen.records.iter().filter(|((of, _), _)| *of == epoch).map(|(_, record)| record);
        let mut back_dated = 0;
        for record in records {
            let at = record["at"].as_str().unwrap();
            assert!(*began <= *at && *at <= *ended, "{record} is not of {began} to {ended}");
            if record["clock"] == "backdated" {
                assert!(record["stamped"].as_str().unwrap().starts_with("1970-"), "{record}");
                back_dated += 1;
            }
        }
        assert!(back_dated > 5, "{back_dated} records were back-dated");
    });
    platform.is_content();
    assert_eq!(agent.terminate(), Some(0));
}

/// The machine's own time so much away from now, as the contract writes it: such texts compare as times do.
fn date(away: &str) -> String {
    let said =
        std::process::Command::new("date").args(["-u", "-d", away, "+%Y-%m-%dT%H:%M:%S.000Z"]).output();
    String::from_utf8(said.unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn a_second_agent_on_the_same_folder_says_so_and_leaves_the_first_alone() {
    let dir = tempfile::tempdir().unwrap();
    let Some(plant) = Plant::start() else {
        return;
    };
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    let file = site(dir.path(), &SiteParts { bus: &plant.bus(), uplink: &uplink });
    let agent = Agent::start(&file);
    let first = agent.wait("an open journal", |status| status["journal"]["state"] == "open");
    for (lang, words) in [("zh", "已有代理"), ("en", "another agent")] {
        let (code, told) = Agent::refused(&file, lang);
        assert_eq!(code, Some(75), "{told}");
        let folder = dir.path().join("state").display().to_string();
        assert!(told.contains(words) && told.contains(&folder), "{told}");
    }
    let stored = agent.status()["ledger"]["stored"]["records"].as_u64();
    plant.count(2);
    agent.wait("the first one's records", |status| status["ledger"]["stored"]["records"].as_u64() > stored);
    assert_eq!(agent.status()["agent"]["epoch"], first["agent"]["epoch"]);
    // A killed agent holds nothing: the next one starts at once.
    agent.kill();
    let next = Agent::start(&file);
    next.wait("its own epoch", |status| {
        status["agent"]["epoch_no"].as_u64() > first["agent"]["epoch_no"].as_u64()
    });
}

#[test]
fn garbage_and_idle_connections_on_the_socket_and_the_metrics_port_disturb_no_poll() {
    let dir = tempfile::tempdir().unwrap();
    let Some(plant) = Plant::start() else {
        return;
    };
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    let file = site(dir.path(), &SiteParts { bus: &plant.bus(), uplink: &uplink });
    let agent = Agent::start(&file);
    agent.wait("an open journal", |status| status["journal"]["state"] == "open");
    wait_for("polls", || (plant.polls() > 3).then_some(()));
    let before = plant.polls();
    let calm = agent.open_files();
    let (socket, listens) = (dir.path().join("state/hazard.sock"), agent.listens());
    for length in [0, 1, 4096, 200_000] {
        let garbage: Vec<u8> = (0..length).map(|index| (index * 31 % 251) as u8).collect();
        for mut stream in [local(&socket), remote(&listens)] {
            // A connection that is closed on us half-way is what we want to see.
            drop(stream.write_all(&garbage));
        }
    }
    let mut held: Vec<Box<dyn Write>> = Vec::new();
    for _ in 0..100 {
        held.extend([local(&socket), remote(&listens)]);
    }
    // Whoever only holds the line does not keep people from silencing the horn.
    let idle = Instant::now();
    agent.status();
    assert!(idle.elapsed() < Duration::from_secs(5), "status took {:?}", idle.elapsed());
    plant.count(4);
    let gap = plant.longest_gap_after(before);
    assert!(gap <= Duration::from_millis(700), "the longest gap was {gap:?}");
    drop(held);
    wait_for("metrics", || agent.metrics());
    wait_for("the files to be closed", || (agent.open_files() <= calm).then_some(()));
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn twenty_reloads_in_a_row_good_and_bad_lose_nothing_keep_alarms_and_leak_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let agent = Agent::start(&world.file);
    world.plant.leak();
    agent.wait("the alarms", |status| status["alarms"].as_array().is_some_and(|alarms| alarms.len() == 2));
    agent.wait("a calm agent", |status| status["uplinks"][0]["up"] == true && status["drained"] == true);
    let (calm, from) = (agent.open_files(), world.plant.counted());
    let good = std::fs::read_to_string(&world.file).unwrap();
    for round in 0..20 {
        let text = if round % 2 == 0 { format!("{good}\n[[broken") } else { format!("{good}\n# {round}\n") };
        std::fs::write(&world.file, text).unwrap();
        let lines = agent.log().lines().count();
        agent.signal(Signal::HUP);
        // Half of them come while the one before is still under way.
        if round % 4 < 2 {
            wait_for("the reload's word", || (agent.log().lines().count() > lines).then_some(()));
        }
    }
    std::fs::write(&world.file, &good).unwrap();
    agent.signal(Signal::HUP);
    let to = world.plant.count(4);
    world.platform.wait("every value", |seen| {
        let values = seen.values("CNT-1");
        (from..to).all(|value| values.contains(&f64::from(value))).then_some(())
    });
    let status = agent.wait("a calm agent", |status| {
        status["uplinks"][0]["up"] == true
            && status["journal"]["state"] == "open"
            && status["drained"] == true
    });
    assert_eq!(status["alarms"].as_array().map(Vec::len), Some(2), "alarms stand: {}", status["alarms"]);
    assert_eq!(world.plant.sounds(), Some(true), "the horn sounds on");
    wait_for("the metrics", || agent.metrics());
    assert!(!agent.log().contains("metrics are not served"), "each run takes the port over");
    wait_for("the files to be closed", || (agent.open_files() <= calm).then_some(()));
    assert_eq!(agent.terminate(), Some(0));
    world.platform.is_content();
}

#[test]
fn a_reload_does_not_move_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let Some(plant) = Plant::start() else {
        return;
    };
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    let file = site(dir.path(), &SiteParts { bus: &plant.bus(), uplink: &uplink });
    let agent = Agent::start(&file);
    let before = agent.status()["agent"].clone();
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("/state\"", "/elsewhere\"")).unwrap();
    agent.signal(Signal::HUP);
    wait_for("the complaint", || agent.log().contains("takes a restart").then_some(()));
    std::fs::write(&file, &good).unwrap();
    let after = agent.status()["agent"].clone();
    assert_eq!((&after["epoch"], &after["config"]), (&before["epoch"], &before["config"]));
}

#[test]
fn a_minute_of_connections_that_come_and_go_leaks_neither_files_nor_memory() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let agent = Agent::start(&world.file);
    agent.wait("a calm agent", |status| status["uplinks"][0]["up"] == true && status["drained"] == true);
    let (socket, listens) = (dir.path().join("state/hazard.sock"), agent.listens());
    let storm = |lasts: Duration| {
        let end = Instant::now() + lasts;
        let mut held: Vec<Box<dyn Write>> = Vec::new();
        while Instant::now() < end {
            held.extend([local(&socket), remote(&listens)]);
            if held.len() > 60 {
                held.drain(..30);
            }
            drop(agent.metrics());
            world.broker.signal(if held.len().is_multiple_of(4) { Signal::STOP } else { Signal::CONT });
        }
        world.broker.signal(Signal::CONT);
    };
    // What is allocated once is allocated by then.
    storm(STORM / 6);
    agent.wait("a calm agent", |status| status["uplinks"][0]["up"] == true && status["drained"] == true);
    let (files, memory) = (agent.open_files(), agent.anonymous_kib());
    storm(STORM - STORM / 6);
    agent.wait("a calm agent", |status| status["uplinks"][0]["up"] == true && status["drained"] == true);
    wait_for("the files to be closed", || (agent.open_files() <= files).then_some(()));
    let grown = agent.anonymous_kib().saturating_sub(memory);
    assert!(grown < 8 * 1024, "grown by {grown} KiB");
    assert_eq!(agent.terminate(), Some(0));
}

fn local(socket: &Path) -> Box<dyn Write> {
    Box::new(wait_for("the socket", || UnixStream::connect(socket).ok()))
}

fn remote(address: &str) -> Box<dyn Write> {
    Box::new(wait_for("the metrics port", || TcpStream::connect(address).ok()))
}

/// Accepts connections and never says a word.
struct BlackHole {
    port: u16,
}

impl BlackHole {
    fn dig() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // Ends with the test program.
        std::thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
        Self { port }
    }
}
