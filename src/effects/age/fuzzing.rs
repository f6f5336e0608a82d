//! The door for fuzzing: age files as bytes, for a recipient whose key is no secret.

use std::error::Error;
use std::path::Path;

use courier_ledger::KeyId;

use super::decrypt::Identities;
use super::encrypt::AgeEncryptor;
use super::recipients::Recipients;
use crate::effects::intent_stanza::IntentStanza;

const RECIPIENT: &str = "age1l2nwu8udj5ygzsh6kx5yp9a03m37e5daqtpyt6kwgurjcu3tsems5qr6pe";
const IDENTITY: &str = "AGE-SECRET-KEY-103XKSHZU4Y6K64908C65V02JTEWY5J9QM37A7N2JAZ4X7FLXH63QQ44AKJ";

/// Decrypts an age file, its bytes.
pub fn opened(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let identities = Identities::parse(IDENTITY)?.ok_or("the identity is none")?;
    let mut message = Vec::new();
    let (input, name) = (Path::new("file"), Path::new("message"));
    identities.decrypt_from(bytes, input, &mut message, name)?;
    Ok(message)
}

/// Makes an age file of a message.
pub fn sealed(message: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let recipients = Recipients::new(vec![RECIPIENT.parse()?]).ok_or("the recipient is none")?;
    let intent = IntentStanza {
        time_seconds: 0,
        recipients: KeyId([1; 8]),
        drawn: [2; 8],
        mark: [3; 8],
    };
    let mut encryptor = AgeEncryptor::new(&recipients, &intent, Vec::new())?;
    encryptor.update(message)?;
    Ok(encryptor.finish()?.0)
}
