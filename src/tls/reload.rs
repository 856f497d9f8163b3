//! Reads the certificate again when its files change, or when SIGHUP asks for it. New connections get the new one.

use crate::platform::{FileId, HangUp, file_id};
use crate::tls::certificate::{Certificate, CertificateFiles};
use crossbeam_channel::{Receiver, Sender, bounded};
use rustls::ServerConfig;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

/// How often to look at the files. Whoever renews a certificate does so days before the old one ends.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// What tells one state of a file from another, without reading it. `None` if there is no such file. A link counts as
/// the file to which it leads.
type State = Option<(FileId, u64, Option<SystemTime>)>;

/// Watches the files of a certificate.
#[derive(Debug)]
struct Watch {
    files: CertificateFiles,
    /// The state in which the files were last read.
    read: [State; 2],
    /// The state in which they were at the last look.
    seen: [State; 2],
    /// Why the files could not be used when they were last read.
    failed: Option<String>,
    /// Takes a certificate to the acceptor, unless one waits there.
    new: Sender<Arc<ServerConfig>>,
    waiting: Receiver<Arc<ServerConfig>>,
}

/// Starts to watch the files of a certificate that has been read. Returns where its successors come from.
pub(crate) fn watch(
    files: CertificateFiles,
    stopped: Arc<AtomicBool>,
) -> io::Result<Receiver<Arc<ServerConfig>>> {
    let mut hang_up = HangUp::register()?;
    let mut watch = Watch::new(files);
    let configs = watch.waiting.clone();
    let run = move || {
        while !stopped.load(Ordering::Relaxed) {
            match hang_up.wait(CHECK_INTERVAL) {
                Ok(is_asked) => watch.look(is_asked),
                Err(error) => {
                    return log::warn!("the certificate will not be read again: {error}");
                }
            }
        }
    };
    thread::Builder::new().name("certificate".to_owned()).spawn(run)?;
    Ok(configs)
}

impl Watch {
    fn new(files: CertificateFiles) -> Self {
        let (new, waiting) = bounded(1);
        let read = states(&files);
        Self { files, seen: read, read, failed: None, new, waiting }
    }

    /// Reads the files if somebody has asked for it, or if they have changed and then been left alone: whoever replaces
    /// two files is done with one before the other. Files that could not be used are read again and again, because not
    /// everything that helps can be seen: permissions, or a descriptor that is free again.
    fn look(&mut self, is_asked: bool) {
        let now = states(&self.files);
        let is_settled = now == self.seen;
        self.seen = now;
        if is_asked || (is_settled && (self.seen != self.read || self.failed.is_some())) {
            self.read = self.seen;
            self.load(is_asked);
        }
    }

    /// Reads the files. The same error is said again only to somebody who has asked.
    fn load(&mut self, is_asked: bool) {
        match self.certificate() {
            Ok(certificate) => {
                log::info!("new connections get the certificate in {}", self.files.certificate.display());
                self.failed = None;
                self.pass(certificate.config);
            }
            Err(error) => {
                if is_asked || self.failed.as_ref() != Some(&error) {
                    log::warn!("{error}. The certificate in use stays");
                }
                self.failed = Some(error);
            }
        }
    }

    /// A pipe can be read once, at the start. Later, this thread would wait for ever for whoever writes to it.
    fn certificate(&self) -> Result<Certificate, String> {
        let files = [&self.files.certificate, &self.files.key];
        match files.into_iter().find(|file| file.metadata().is_ok_and(|metadata| !metadata.is_file())) {
            Some(other) => Err(format!("{} is not a file that can be read again", other.display())),
            None => Certificate::load(&self.files).map_err(|error| error.to_string()),
        }
    }

    /// Passes a certificate on. One that was not taken is replaced.
    fn pass(&self, config: Arc<ServerConfig>) {
        let _ = self.waiting.try_recv();
        // This thread is the only one that sends, so there is space.
        let _ = self.new.try_send(config);
    }
}

fn states(files: &CertificateFiles) -> [State; 2] {
    [&files.certificate, &files.key].map(|file| state(file))
}

fn state(file: &Path) -> State {
    let metadata = file.metadata().ok()?;
    Some((file_id(file).ok()?, metadata.len(), metadata.modified().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificate::tests::write_certificate;
    use std::fs;
    use tempfile::TempDir;

    fn watched() -> (TempDir, Watch) {
        let folder = tempfile::tempdir().unwrap();
        let files = write_certificate(&folder, "wall.example");
        (folder, Watch::new(files))
    }

    #[test]
    fn changed_files_are_read_once_they_are_left_alone() {
        let (folder, mut watch) = watched();
        watch.look(false);
        watch.look(false);
        assert!(watch.waiting.is_empty(), "nothing has changed");
        write_certificate(&folder, "other.example");
        watch.look(false);
        assert!(watch.waiting.is_empty(), "they may still change");
        watch.look(false);
        assert!(watch.waiting.try_recv().is_ok());
        watch.look(false);
        assert!(watch.waiting.is_empty(), "they were read");
    }

    #[test]
    fn files_are_read_at_once_when_somebody_asks_and_the_last_one_counts() {
        let (_folder, mut watch) = watched();
        watch.look(true);
        let first = watch.waiting.recv().unwrap();
        watch.pass(Arc::clone(&first));
        watch.look(true);
        assert!(!Arc::ptr_eq(&watch.waiting.try_recv().unwrap(), &first) && watch.waiting.is_empty());
    }

    #[test]
    fn files_that_cannot_be_used_change_nothing() {
        let (folder, mut watch) = watched();
        fs::write(folder.path().join("key.pem"), "no key").unwrap();
        (0..3).for_each(|_| watch.look(false));
        fs::remove_file(folder.path().join("cert.pem")).unwrap();
        (0..3).for_each(|_| watch.look(false));
        assert!(watch.waiting.is_empty());
        write_certificate(&folder, "other.example");
        (0..2).for_each(|_| watch.look(false));
        assert_eq!(watch.waiting.len(), 1);
    }

    #[test]
    fn files_that_could_not_be_used_are_read_again_even_if_they_look_the_same() {
        let (folder, mut watch) = watched();
        let key = folder.path().join("key.pem");
        let good = fs::read(&key).unwrap();
        let write = |content: &[u8], at: SystemTime| {
            fs::write(&key, content).unwrap();
            fs::File::options().append(true).open(&key).unwrap().set_modified(at).unwrap();
        };
        let later = SystemTime::now() + CHECK_INTERVAL;
        write(&good.to_ascii_lowercase(), later);
        (0..3).for_each(|_| watch.look(false));
        assert!(watch.waiting.is_empty() && watch.failed.is_some());
        write(&good, later);
        watch.look(false);
        assert!(watch.waiting.try_recv().is_ok());
        watch.look(false);
        assert!(watch.waiting.is_empty(), "they were read");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pipe_in_place_of_a_file_is_not_waited_for() {
        let (folder, mut watch) = watched();
        let key = folder.path().join("key.pem");
        fs::remove_file(&key).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &key, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .unwrap();
        let (done, end) = bounded(1);
        thread::spawn(move || {
            watch.look(true);
            done.send(watch.waiting.len())
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(20)), Ok(0));
    }

    #[test]
    #[cfg(unix)]
    fn a_link_that_leads_elsewhere_is_a_change() {
        use std::os::unix::fs::symlink;
        // As Kubernetes replaces files: by a link to a folder, in one step.
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| tempfile::TempDir::with_prefix_in(name, &folder).unwrap());
        for target in [&old, &new] {
            write_certificate(target, "wall.example");
        }
        let link = folder.path().join("data");
        symlink(old.path(), &link).unwrap();
        let files = CertificateFiles { certificate: link.join("cert.pem"), key: link.join("key.pem") };
        let mut watch = Watch::new(files);
        let next = folder.path().join("next");
        symlink(new.path(), &next).unwrap();
        fs::rename(&next, &link).unwrap();
        (0..2).for_each(|_| watch.look(false));
        assert_eq!(watch.waiting.len(), 1);
    }
}
