//! The other side: a broker behind TLS at `broker.example.org`, and an SFTP server at port 22 of
//! `sftp.example.org`, as README's *Start* names them.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::server::SftpServer as _;

use crate::Outcome;

/// Hands on what comes to a port, without TLS where it has a certificate.
const HAND_ON: &str = "\
import asyncio, ssl, sys
port, to = int(sys.argv[1]), int(sys.argv[2])
tls = None
if len(sys.argv) > 3:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain('/root/tls.crt', '/root/tls.key')
async def pour(source, sink):
    try:
        while piece := await source.read(65536):
            sink.write(piece)
            await sink.drain()
    except OSError:
        pass
    sink.close()
async def serve(reader, writer):
    there = await asyncio.open_connection('127.0.0.1', to)
    await asyncio.gather(pour(reader, there[1]), pour(there[0], writer))
async def main():
    async with await asyncio.start_server(serve, '127.0.0.1', port, ssl=tls) as server:
        await server.serve_forever()
asyncio.run(main())
";

pub(crate) struct Servers {
    sftp: EmbeddedSftp,
    _broker: EmbeddedBroker,
    doors: Vec<Child>,
}

impl Servers {
    /// With one request that a hospital has answered.
    pub(crate) fn start() -> Outcome<Self> {
        let broker = EmbeddedBroker::start(Settings::default())?;
        let id = broker.publish("rki");
        broker.submit_result(1, id, "text/plain", b"a result");
        let sftp = EmbeddedSftp::start(EmbeddedSftpSettings {
            user: "hospital",
            ..EmbeddedSftpSettings::default()
        })?;
        let url = broker.url();
        let port = url.rsplit(':').next().unwrap_or_default();
        let doors = vec![
            door("443", port, &["tls"])?,
            door("22", &sftp.port().to_string(), &[])?,
        ];
        Ok(Self {
            sftp,
            _broker: broker,
            doors,
        })
    }

    pub(crate) fn password(&self) -> String {
        self.sftp.password().unwrap_or_default()
    }

    /// What the server's operator says when asked.
    pub(crate) fn host_key(&self) -> String {
        self.sftp.host_key_fingerprint()
    }

    pub(crate) fn first_result_is_there(&self) -> Outcome<()> {
        let result = self.sftp.drop_box().join("export_0.zip");
        if result.is_file() {
            Ok(())
        } else {
            Err("the first result is not at the drop-box".into())
        }
    }
}

fn door(port: &str, to: &str, tls: &[&str]) -> Outcome<Child> {
    let door = Command::new("python3")
        .args(["-c", HAND_ON, port, to])
        .args(tls)
        .stdin(Stdio::null())
        .spawn()?;
    for _ in 0..1_000 {
        if TcpStream::connect(format!("127.0.0.1:{port}")).is_ok() {
            return Ok(door);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(format!("nothing answers at port {port}").into())
}

impl Drop for Servers {
    fn drop(&mut self) {
        for door in &mut self.doors {
            // It may have ended already.
            let _ended = door.kill();
            let _reaped = door.wait();
        }
    }
}
