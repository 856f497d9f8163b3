//! Standard input: a thread reads it, so that whoever wants it can wait for other events as well.

use crate::remote::screen::Screen;
use crate::remote::terminal::Terminal;
use crossbeam_channel::{Receiver, Sender, bounded, never, select_biased};
use std::convert::Infallible;
use std::io::{self, ErrorKind, Read};
use std::thread;

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// Chunks that wait; then the input is not read.
const CHUNKS: usize = 4;

/// What is read of an input. Its end disconnects both channels.
#[derive(Debug)]
pub(crate) struct Input {
    pub chunks: Receiver<Vec<u8>>,
    /// Nothing ever comes here.
    pub ended: Receiver<Infallible>,
}

impl Input {
    /// Starts to read.
    pub(crate) fn read(input: impl Read + Send + 'static) -> io::Result<Self> {
        let (send, chunks) = bounded(CHUNKS);
        let (end, ended) = bounded(0);
        let read = move || {
            let _end = end;
            read_input(input, &send);
        };
        thread::Builder::new().name("input".to_owned()).spawn(read)?;
        Ok(Self { chunks, ended })
    }
}

fn read_input(mut input: impl Read, chunks: &Sender<Vec<u8>>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // An input that cannot be read has ended, as a terminal that was closed.
            Ok(0) | Err(_) => return,
            Ok(length) if chunks.send(buffer[..length].to_vec()).is_err() => return,
            Ok(_) => {}
        }
    }
}

/// What the owner of a box asks its screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// To tell the text, as soon as it is another than what it told last.
    Tell,
    /// To forget what it shows.
    Clear,
    /// To read no more.
    Finish,
}

/// What the screen answers to [`Order::Tell`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Text(String),
    /// The input has ended, and its last text was told.
    End,
}

/// A thread that reads an input all the time, however slow the network is, and tells only the newest text.
#[derive(Debug)]
pub(crate) struct ScreenThread {
    pub orders: Sender<Order>,
    pub told: Receiver<Told>,
}

impl ScreenThread {
    /// Starts to show the chunks of an input.
    pub(crate) fn start(chunks: Receiver<Vec<u8>>, screen: Screen) -> io::Result<Self> {
        let (orders, received) = bounded(8);
        let (tell, told) = bounded(1);
        let show = move || show(chunks, screen, &received, &tell);
        thread::Builder::new().name("screen".to_owned()).spawn(show)?;
        Ok(Self { orders, told })
    }
}

fn show(mut chunks: Receiver<Vec<u8>>, mut screen: Screen, orders: &Receiver<Order>, tell: &Sender<Told>) {
    let mut terminal = Terminal::default();
    let (mut is_new, mut is_wanted, mut has_ended) = (false, false, false);
    loop {
        // Orders first: what comes after the screen was cleared stays.
        select_biased! {
            recv(orders) -> order => match order {
                Ok(Order::Tell) => is_wanted = true,
                Ok(Order::Clear) => {
                    screen.clear();
                    is_new = false;
                }
                Ok(Order::Finish) => (chunks, has_ended) = (never(), true),
                Err(_) => return,
            },
            recv(chunks) -> chunk => match chunk {
                Ok(chunk) => {
                    terminal.read(&chunk, &mut screen);
                    is_new = true;
                }
                Err(_) => (chunks, has_ended) = (never(), true),
            },
        }
        let told = match (is_wanted, is_new, has_ended) {
            (true, true, _) => Told::Text(screen.text()),
            (true, false, true) => Told::End,
            _ => continue,
        };
        // One order has one answer, so there is a place for it.
        if tell.send(told).is_err() {
            return;
        }
        (is_wanted, is_new) = (false, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TIMEOUT: Duration = Duration::from_secs(20);

    fn start() -> (Sender<Vec<u8>>, ScreenThread) {
        let (send, chunks) = bounded(CHUNKS);
        (send, ScreenThread::start(chunks, Screen::new(2, 100)).unwrap())
    }

    fn tell(screen: &ScreenThread) -> Told {
        screen.orders.send(Order::Tell).unwrap();
        screen.told.recv_timeout(TIMEOUT).unwrap()
    }

    #[test]
    fn an_input_ends() {
        let input = Input::read(&b"text"[..]).unwrap();
        assert_eq!(input.chunks.recv_timeout(TIMEOUT).unwrap(), b"text");
        assert!(input.chunks.recv_timeout(TIMEOUT).is_err() && input.ended.recv_timeout(TIMEOUT).is_err());
    }

    #[test]
    fn the_newest_text_is_told_once_and_the_input_never_waits() {
        let (send, screen) = start();
        for n in 0..1_000 {
            send.send_timeout(format!("line {n}\n").into_bytes(), TIMEOUT).unwrap();
        }
        drop(send);
        let mut texts = Vec::new();
        while let Told::Text(text) = tell(&screen) {
            texts.push(text);
        }
        assert_eq!(texts.last().unwrap(), "line 998\nline 999");
        assert_eq!(tell(&screen), Told::End, "and again");
    }

    #[test]
    fn a_screen_that_was_cleared_is_told_when_more_comes() {
        let (send, screen) = start();
        send.send(b"one\n".to_vec()).unwrap();
        assert_eq!(tell(&screen), Told::Text("one".into()));
        screen.orders.send(Order::Clear).unwrap();
        screen.orders.send(Order::Tell).unwrap();
        send.send(b"two\n".to_vec()).unwrap();
        assert_eq!(screen.told.recv_timeout(TIMEOUT).unwrap(), Told::Text("two".into()));
    }

    #[test]
    fn a_screen_that_is_finished_reads_no_more() {
        let (_send, screen) = start();
        screen.orders.send(Order::Finish).unwrap();
        assert_eq!(tell(&screen), Told::End);
    }
}
