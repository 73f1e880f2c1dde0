//! The one thread that paints.
//!
//! libtorch's switches (no gradients, number of threads) belong to a thread, and a device has room for one plate at a
//! time: so plates are painted one after the other, on one thread that lives as long as the process. A painter that
//! panics makes its plate fail; the thread goes on with the next.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
};

use festoon_film::{Cancel, Encoder};
use festoon_spec::{PlateSpec, RenderKey};
use tokio::sync::{oneshot, watch};

use crate::{
    fault::Fault,
    painter::Painter,
    plate::{self, Made},
    progress::{Teller, Told},
};

/// A plate to paint.
#[derive(Debug)]
pub struct Order {
    /// Its key.
    pub key: RenderKey,
    /// What to paint.
    pub spec: PlateSpec,
    /// Set to stop at the next step.
    pub stop: Cancel,
    /// Where progress is told.
    pub told: watch::Sender<Option<Told>>,
}

/// A handle to the painting thread. The thread ends when the handle is dropped and its order is done.
#[derive(Debug)]
pub struct Easel {
    orders: mpsc::Sender<(Order, oneshot::Sender<Result<Made, Fault>>)>,
}

impl Easel {
    /// Starts the thread with its painters.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn set_up(mut painters: Vec<Box<dyn Painter>>, encoder: Box<dyn Encoder>) -> io::Result<Self> {
        let (orders, desk) = mpsc::channel::<(Order, oneshot::Sender<_>)>();
        thread::Builder::new().name("easel".into()).spawn(move || {
            for (order, reply) in desk {
                let result = catch_unwind(AssertUnwindSafe(|| paint(&mut painters, encoder.as_ref(), order)));
                // Nobody may be waiting any more: the process drains.
                let _ = reply.send(result.unwrap_or_else(|panic| Err(Fault::Panicked(message(panic.as_ref())))));
            }
        })?;
        Ok(Self { orders })
    }

    /// Paints a plate; the future ends when the thread is done with it. Dropping the future does not stop the painting,
    /// `order.stop` does.
    ///
    /// # Errors
    /// Whatever keeps the plate from being made.
    pub async fn paint(&self, order: Order) -> Result<Made, Fault> {
        let (reply, answer) = oneshot::channel();
        self.orders.send((order, reply)).expect("the easel's thread catches panics and outlives its handle");
        answer.await.expect("the easel's thread answers each order")
    }
}

fn paint(painters: &mut [Box<dyn Painter>], encoder: &dyn Encoder, order: Order) -> Result<Made, Fault> {
    let Order { key, spec, stop, told } = order;
    let wanted = spec.scene.painter();
    let painter = painters.iter_mut().find(|painter| painter.ids().contains(&wanted));
    let painter = painter.ok_or_else(|| Fault::Unmet(Box::new(spec.needs())))?;
    plate::make(painter.as_mut(), encoder, &key, &spec, Teller::new(stop, told))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
