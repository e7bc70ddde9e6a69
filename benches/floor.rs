//! The practical floor: reads a little-endian classic pcap through a reused 256 KiB buffer, walks its records and touches
//! the headers of each. Nothing that looks at every packet can be faster.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::error::Error;
use std::fs::File;
use std::io::Read;

const BLOCK: usize = 256 << 10;
/// Largest record that it can walk over.
const LARGEST: usize = 512 << 10;
/// Ethernet, IPv4 and TCP headers.
const HEADERS: usize = 54;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: floor CAPTURE.pcap")?;
    let mut file = File::open(path)?;
    let mut buffer = vec![0; BLOCK + LARGEST];
    file.read_exact(&mut buffer[..24])?;
    let (mut have, mut packets, mut sum) = (0, 0_u64, 0_u64);
    loop {
        let read = file.read(&mut buffer[have..have + BLOCK])?;
        if read == 0 {
            break;
        }
        have += read;
        let mut at = 0;
        while let Some(record) = buffer[..have].get(at + 8..at + 12) {
            let length = u32::from_le_bytes([record[0], record[1], record[2], record[3]]) as usize;
            let Some(packet) = buffer[..have].get(at + 16..at + 16 + length) else {
                break;
            };
            let touched = [packet.first(), packet.get(length.min(HEADERS) - 1)];
            sum += touched.into_iter().flatten().map(|&byte| u64::from(byte)).sum::<u64>();
            packets += 1;
            at += 16 + length;
        }
        buffer.copy_within(at..have, 0);
        have -= at;
    }
    println!("{packets} packets ({sum})");
    Ok(())
}
