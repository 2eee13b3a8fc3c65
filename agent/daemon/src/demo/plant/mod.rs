//! A simulated textile plant on loopback: 12 gas detectors, 2 dust collectors, 3 interlocks and a relay module, served
//! over Modbus as the real ones are. The nodes run the firmware's own logic.

mod controls;
mod dice;
mod layout;
mod model;
mod serve;
mod tables;
#[cfg(test)]
mod tests;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hazard_field::Mono;
use hazard_node::rtu::PDU_MAX;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

pub use controls::{Controls, Fault};
pub use hazard_node::Button;
use layout::NODE_COUNT;
pub use layout::{
    BUS_NAMES, COIL_COUNT, COLLECTOR_COUNT, COLLECTORS, DETECTOR_COUNT, DETECTORS, DEVICE_COUNT, DEVICES,
    Detector, Device, Gas, INTERLOCK_COUNT, INTERLOCKS,
};
pub use tables::Coil;
use world::World;

/// A running plant; dropping it stops it and hangs up on its masters.
pub struct Plant {
    ports: [u16; BUS_NAMES.len()],
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Plant {
    /// Starts the plant on free loopback ports; the seed decides its noise.
    ///
    /// # Errors
    /// As the operating system refuses a port.
    pub async fn start(seed: u64) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            controls: Arc::default(),
            world: Mutex::new(World::new(seed)?),
            served: Default::default(),
            started: Instant::now(),
        });
        let mut tasks = JoinSet::new();
        let mut ports = [0; BUS_NAMES.len()];
        for (bus, port) in ports.iter_mut().enumerate() {
            let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
            *port = listener.local_addr()?.port();
            tasks.spawn(serve::accept(listener, Arc::clone(&shared), bus));
        }
        tasks.spawn(run(Arc::clone(&shared)));
        Ok(Self { ports, shared, _tasks: tasks })
    }

    /// The loopback port of each bus, in the order of [`BUS_NAMES`].
    #[must_use]
    pub const fn ports(&self) -> [u16; BUS_NAMES.len()] {
        self.ports
    }

    /// The fault switches.
    #[must_use]
    pub fn controls(&self) -> Arc<Controls> {
        Arc::clone(&self.shared.controls)
    }

    /// Polls answered since the start, in the order of [`DEVICES`]; an answer that noise spoilt counts.
    #[must_use]
    pub fn served(&self) -> [u64; DEVICE_COUNT] {
        std::array::from_fn(|device| self.shared.served[device].load(Ordering::Relaxed))
    }

    /// The relays.
    #[must_use]
    pub fn coils(&self) -> [Coil; COIL_COUNT] {
        self.shared.world().relays.coils
    }

    /// Whether each node's own horn sounds.
    #[must_use]
    pub fn horns(&self) -> [bool; NODE_COUNT] {
        self.shared.world().horns()
    }

    /// Presses a button on each node, as somebody on the spot would.
    pub fn press(&self, button: Button) {
        self.shared.world().press(button);
    }

    /// The plant's clock: time since its start.
    #[must_use]
    pub fn now(&self) -> Mono {
        self.shared.now()
    }
}

struct Shared {
    controls: Arc<Controls>,
    world: Mutex<World>,
    served: [AtomicU64; DEVICE_COUNT],
    started: Instant,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Mono {
        Mono::ZERO + self.started.elapsed()
    }

    /// The answer of a unit; `None` where there is none, it is dead, or it has nothing to say.
    fn answer(&self, bus: usize, unit: u8, pdu: &[u8]) -> Option<Vec<u8>> {
        let device = DEVICES.iter().position(|device| device.bus == bus && device.unit == unit)?;
        if self.controls.is_on(Fault::Dead(device)) {
            return None;
        }
        let mut out = [0; PDU_MAX];
        let length = self.world().answer(device, pdu, &mut out);
        let reply = out.get(..length).filter(|reply| !reply.is_empty())?;
        self.served[device].fetch_add(1, Ordering::Relaxed);
        Some(reply.to_vec())
    }
}

async fn run(shared: Arc<Shared>) {
    let mut ticks = interval(Duration::from_secs_f64(model::STEP_S));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let now = shared.now();
        shared.world().step(now, &shared.controls);
    }
}
