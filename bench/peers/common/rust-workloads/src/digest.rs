use crc32fast::Hasher;

use crate::dataset::Record;

/// What verification asks for instead of a count or a length: CRC-32 of what was decoded, or encoded.
/// docs/SPEC.md defines it. It proves that the work was done, and need not be fast.
#[derive(Debug, PartialEq)]
pub struct Digest {
    /// From 1 to 8.
    pub(crate) repetitions: i64,
    /// From 0 to 2^31 - 1: a start of CRC-32, too.
    pub(crate) seed: i64,
}

impl Digest {
    /// The digest of the records' fields.
    pub fn of_decoded(&self, records: &[Record]) -> u32 {
        let mut crc = self.start();
        for _ in 0..self.repetitions {
            for record in records {
                add(&mut crc, record);
            }
        }
        crc.finalize()
    }

    /// The digest of the JSON of the records, shifted by the seed: shifted and hashed as often as asked, encoded once.
    pub fn of_encoded<E>(
        &self,
        records: &[Record],
        to_json: impl FnOnce(&[Record]) -> Result<Vec<u8>, E>,
    ) -> Result<u32, E> {
        let mut shifted = Vec::new();
        for _ in 0..self.repetitions {
            shifted = records.iter().map(|record| self.shifted(record)).collect();
        }
        let body = to_json(&shifted)?;
        let mut crc = self.start();
        for _ in 0..self.repetitions {
            crc.update(&body);
        }
        Ok(crc.finalize())
    }

    fn start(&self) -> Hasher {
        Hasher::new_with_initial(self.seed as u32)
    }

    fn shifted(&self, record: &Record) -> Record {
        Record {
            id: record.id.wrapping_add(self.seed),
            count: record.count.wrapping_add(self.seed),
            created_at: record.created_at + (self.seed * 39) as f64 / f64::from(1 << 22),
            ..record.clone()
        }
    }
}

fn add(crc: &mut Hasher, record: &Record) {
    crc.update(&record.id.to_le_bytes());
    crc.update(&record.count.to_le_bytes());
    crc.update(&record.created_at.to_le_bytes());
    for text in [&record.name, &record.description, &record.r#type] {
        crc.update(text.as_bytes());
        crc.update(&[0]);
    }
}
