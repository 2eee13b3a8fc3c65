//! The plant as its masters see it: the demonstration's own site, and tokio-modbus.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::Site;
use hazard_core::decode::decode;
use hazard_core::link::{LinkFault, WriteRequest};
use hazard_core::poll::plan;
use hazard_core::reading::Sample;
use hazard_field::crc16;
use hazard_node::rtu::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_modbus::Slave;
use tokio_modbus::client::{Context, Reader, rtu, tcp};
use tokio_modbus::slave::SlaveContext as _;

use super::*;
use crate::config::{Lang, Loaded, Style, load};
use crate::demo::site::site_toml;
use crate::modbus::{Link, LinkStats, Timing};

const LIMIT: Duration = Duration::from_secs(20);

fn site(plant: &Plant) -> (tempfile::TempDir, Loaded) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    std::fs::write(&path, site_toml(plant, 1883, &dir.path().join("state"))).unwrap();
    match load(&path) {
        Ok(loaded) => (dir, loaded),
        Err(report) => panic!("{}", report.render(Lang::En, Style::Plain)),
    }
}

/// A bus of the loaded site and its reads.
fn bus(loaded: &Loaded, n: usize) -> Link {
    Link::new(loaded.buses[n].clone(), Arc::new(LinkStats::default()))
}

const TIMING: Timing = Timing { timeout: Duration::from_millis(300), late_window: Duration::ZERO };

/// Reads every block of a device once.
async fn read_device(link: &mut Link, site: &Site, id: &str) -> Result<(), LinkFault> {
    for block in plan(site).into_iter().flatten() {
        if &*site.devices[block.device.index()].name == id {
            link.read(&block.request, TIMING).await?;
        }
    }
    Ok(())
}

async fn node(plant: &Plant, unit: u8) -> Context {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, plant.ports()[0]));
    tcp::connect_slave(addr, Slave(unit)).await.unwrap()
}

async fn line(plant: &Plant, unit: u8) -> Context {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, plant.ports()[1])).await.unwrap();
    rtu::attach_slave(stream, Slave(unit))
}

#[tokio::test]
async fn the_site_of_the_plant_loads_without_a_fault_or_a_warning() {
    let plant = Plant::start(1).await.unwrap();
    let (_dir, loaded) = site(&plant);
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(Lang::En, Style::Plain));
    assert_eq!((loaded.identity.district.as_str(), loaded.identity.gateway.as_str()), ("511303", "gw-demo"));
    assert_eq!(loaded.identity.enterprise_name, "嘉福纺织");
    let tags = |prefix| loaded.site.points.iter().filter(|point| point.tag.starts_with(prefix)).count();
    assert_eq!([tags("GT-"), tags("DC-"), tags("XS-")], [12, 8, 3]);
    assert_eq!((loaded.site.devices.len(), loaded.site.outputs.len()), (DEVICE_COUNT, 5));
}

#[tokio::test]
async fn every_point_of_the_site_is_read_good_and_within_its_range() {
    let plant = Plant::start(2).await.unwrap();
    let (_dir, loaded) = site(&plant);
    let mut points = 0;
    for (n, blocks) in plan(&loaded.site).iter().enumerate() {
        let mut link = bus(&loaded, n);
        for block in blocks {
            let words = link.read(&block.request, TIMING).await;
            let words = words.unwrap_or_else(|fault| panic!("{:?}: {fault:?}", block.request));
            for id in &block.points {
                let spec = &loaded.site.points[id.index()];
                let sample = decode(spec, &words, block.request.start);
                assert!(matches!(sample, Sample::Good(_)), "{} is {sample:?}", spec.tag);
                points += 1;
                let detector = DETECTORS.iter().find(|detector| *detector.tag == *spec.tag);
                let Some((gas, value)) = detector.map(|detector| detector.gas).zip(sample.number()) else {
                    continue;
                };
                let off = (value.get() - gas.idle).abs();
                assert!(off < (gas.range[1] - gas.range[0]) / 20.0, "{} is {value:?}", spec.tag);
            }
        }
    }
    assert_eq!(points, loaded.site.points.len());
    let unread: Vec<&str> = DEVICES
        .iter()
        .zip(plant.served())
        .filter(|(_, served)| *served == 0)
        .map(|(device, _)| device.id)
        .collect();
    assert_eq!(unread, ["RELAY-1"]);
}

#[tokio::test]
async fn every_template_of_the_plant_is_answered_whole() {
    let plant = Plant::start(3).await.unwrap();
    let (dir, _) = site(&plant);
    let text = site_toml(&plant, 1883, dir.path());
    // Without points of its own, the site gets all points of the templates.
    let bare = text.split("\n[[points]]").next().unwrap().to_owned();
    std::fs::write(dir.path().join("site.toml"), bare).unwrap();
    let loaded = load(&dir.path().join("site.toml")).unwrap();
    for (n, blocks) in plan(&loaded.site).iter().enumerate() {
        let mut link = bus(&loaded, n);
        for block in blocks {
            let read = link.read(&block.request, TIMING).await;
            let device = &loaded.site.devices[block.device.index()].name;
            assert!(read.is_ok(), "{device} {:?}: {read:?}", block.request);
        }
    }
}

#[tokio::test]
async fn a_dead_device_stops_answering_alone_and_comes_back() {
    let plant = Plant::start(4).await.unwrap();
    let (_dir, loaded) = site(&plant);
    for (n, dead, neighbour) in [(0, 0, "ND-2"), (1, 6, "DC-2"), (2, 8, "")] {
        let mut link = bus(&loaded, n);
        let id = DEVICES[dead].id;
        assert_eq!(read_device(&mut link, &loaded.site, id).await, Ok(()), "{id}");
        plant.controls().begin(Fault::Dead(dead));
        assert_eq!(read_device(&mut link, &loaded.site, id).await, Err(LinkFault::Silent), "{id}");
        assert_eq!(read_device(&mut link, &loaded.site, neighbour).await, Ok(()), "{neighbour}");
        plant.controls().end_all();
        assert_eq!(read_device(&mut link, &loaded.site, id).await, Ok(()), "{id}");
    }
}

/// What comes back for a request to DC-1 within a moment, on a connection of its own.
async fn raw_reply(plant: &Plant) -> Vec<u8> {
    let mut request = vec![11, 3, 0, 0, 0, 2];
    request.extend(crc16(&request).to_le_bytes());
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, plant.ports()[1])).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut reply = vec![0; 64];
    let read = timeout(Duration::from_millis(150), stream.read(&mut reply)).await;
    reply.truncate(read.map_or(0, |read| read.unwrap()));
    reply
}

#[tokio::test]
async fn noise_breaks_and_swallows_replies_of_the_serial_line_and_ends() {
    const REPLY_BYTES: usize = 9;
    let plant = Plant::start(5).await.unwrap();
    plant.controls().begin(Fault::Noise);
    let [mut whole, mut broken, mut cut, mut missing] = [0; 4];
    for _ in 0..80 {
        let reply = raw_reply(&plant).await;
        match reply.len() {
            0 => missing += 1,
            REPLY_BYTES if Frame::parse(&reply).is_some() => whole += 1,
            REPLY_BYTES => broken += 1,
            _ => cut += 1,
        }
    }
    let counts = [whole, broken, cut, missing];
    assert!(whole > 40 && counts.iter().all(|count| *count > 0), "{counts:?}");
    plant.controls().end_all();
    for _ in 0..20 {
        assert!(Frame::parse(&raw_reply(&plant).await).is_some());
    }
}

#[tokio::test]
async fn the_agents_link_gets_through_noise_and_other_buses_have_none() {
    let plant = Plant::start(5).await.unwrap();
    let (_dir, loaded) = site(&plant);
    let (mut nodes, mut serial) = (bus(&loaded, 0), bus(&loaded, 1));
    plant.controls().begin(Fault::Noise);
    let (mut good, mut faults) = (0, 0);
    for _ in 0..15 {
        assert_eq!(read_device(&mut nodes, &loaded.site, "ND-1").await, Ok(()));
        match read_device(&mut serial, &loaded.site, "DC-1").await {
            Ok(()) => good += 1,
            Err(_) => faults += 1,
        }
    }
    assert!(good > 0 && faults > 0, "{good} good, {faults} faults");
}

#[tokio::test]
async fn a_leak_is_seen_by_a_master_of_the_node_and_of_the_serial_line() {
    let plant = Plant::start(6).await.unwrap();
    let (mut node, mut midas) = (node(&plant, 1).await, line(&plant, 1).await);
    let alarm_bits = |state: u16| state >> 6 & 3;
    assert_eq!(node.read_discrete_inputs(0, 12).await.unwrap().unwrap(), [false; 12]);
    assert_eq!(alarm_bits(midas.read_holding_registers(0, 1).await.unwrap().unwrap()[0]), 0);
    plant.controls().begin(Fault::Leak(0));
    plant.controls().begin(Fault::Leak(8));
    let alarming = async {
        loop {
            let bits = node.read_discrete_inputs(0, 12).await.unwrap().unwrap();
            let state = midas.read_holding_registers(0, 1).await.unwrap().unwrap()[0];
            assert!(bits[2..].iter().all(|bit| !bit), "{bits:?}");
            if bits[..2] == [true; 2] && alarm_bits(state) == 3 {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, alarming).await.expect("both alarm");
}

#[tokio::test]
async fn the_relays_show_what_was_written_and_when_it_changed() {
    let plant = Plant::start(7).await.unwrap();
    let (_dir, loaded) = site(&plant);
    let mut link = bus(&loaded, 2);
    assert_eq!(plant.coils(), [Coil::default(); COIL_COUNT]);
    let write = WriteRequest { unit: 2, start: 0, coils: vec![true, false, true] };
    for _ in 0..2 {
        assert_eq!(link.write(&write, TIMING).await, Ok(()));
    }
    let coils = plant.coils();
    assert_eq!(coils.map(|coil| coil.is_on), [true, false, true, false, false, false, false, false]);
    assert_eq!(coils.map(|coil| coil.changes), [1, 0, 1, 0, 0, 0, 0, 0]);
    assert!(coils[0].changed_at.is_some_and(|at| at <= plant.now()) && coils[1].changed_at.is_none());
    assert_eq!(plant.served()[9], 2);
}

#[tokio::test]
async fn masters_may_come_again_as_often_as_they_like() {
    let plant = Plant::start(8).await.unwrap();
    for _ in 0..40 {
        let mut node = node(&plant, 2).await;
        assert_eq!(node.read_input_registers(0, 1).await.unwrap().unwrap(), [hazard_field::map::VERSION]);
        let mut collector = line(&plant, 11).await;
        assert_eq!(collector.read_holding_registers(0, 2).await.unwrap().unwrap().len(), 2);
        node.set_slave(Slave(77));
        let asked = timeout(Duration::from_millis(5), node.read_input_registers(0, 1)).await;
        assert!(asked.is_err(), "a unit that does not exist is silent");
    }
}

#[tokio::test]
async fn a_plant_that_is_dropped_hangs_up() {
    let plant = Plant::start(9).await.unwrap();
    let mut node = node(&plant, 1).await;
    assert!(node.read_input_registers(0, 1).await.is_ok());
    drop(plant);
    assert!(timeout(LIMIT, node.read_input_registers(0, 1)).await.expect("an end").is_err());
}
