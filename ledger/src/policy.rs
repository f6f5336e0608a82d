//! How to decide, as data. The digest of the policy is recorded with every run.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::encryption::Encryption;
use crate::id::KeyId;

/// What counts as a change of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeRule {
    /// Any difference between fingerprints.
    #[default]
    Fingerprint,
    /// A difference of the completion text in `status.xml`, as in the replaced program.
    Completion,
}

/// What happens to a request that was withdrawn and is back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReappearanceRule {
    /// It is uploaded again.
    #[default]
    Upload,
    /// It is left alone.
    Ignore,
}

/// What happens to a request that is not published yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftRule {
    /// It is uploaded like any other, as in the replaced program.
    #[default]
    Upload,
    /// It waits until it is published.
    Wait,
}

/// What happens to files encrypted with an earlier key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyChangeRule {
    /// They stay until their request changes.
    #[default]
    Keep,
    /// They are uploaded again.
    Reupload,
}

/// What a run does about files at the drop-box that are not as they were delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemoteCheckRule {
    /// It does not look.
    #[default]
    Off,
    /// It looks and says so.
    Report,
    /// It looks and uploads them again, once.
    Repair,
    /// It looks, and takes those that are gone for fetched by the recipient.
    Pickup,
}

/// What needs a person's approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guards {
    /// Deletions, and overwrites by another request, that need no approval: this many …
    pub max_deletions: u32,
    /// … or this percentage of the files stored, whichever is more.
    pub max_deletions_percent: u8,
}

/// So few files that deleting most of them is nothing unusual.
const FEW_STORED: u64 = 4;

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_deletions: 10,
            max_deletions_percent: 20,
        }
    }
}

impl Guards {
    /// How many deletions and overwrites need no approval while `stored` files are at the drop-box: never
    /// more than half of them, when that are four or more.
    #[must_use]
    pub fn allowance(&self, stored: u64) -> u64 {
        let share = stored.saturating_mul(u64::from(self.max_deletions_percent)) / 100;
        let allowed = share.max(u64::from(self.max_deletions));
        if stored < FEW_STORED {
            allowed
        } else {
            allowed.min(stored / 2)
        }
    }
}

/// Everything that a decision depends on besides the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What counts as a change.
    pub change: ChangeRule,
    /// What happens to a request that is back.
    pub reappeared: ReappearanceRule,
    /// What happens to a draft.
    pub drafts: DraftRule,
    /// What happens to files under an earlier key.
    pub on_key_change: KeyChangeRule,
    /// What happens to files that are not as they were delivered.
    pub remote_check: RemoteCheckRule,
    /// The key that uploads are encrypted with now.
    pub key: KeyId,
    /// What needs approval.
    pub guards: Guards,
    /// How uploads are encrypted now; absent in older ledgers, and where it is Fernet.
    #[serde(default, skip_serializing_if = "Encryption::is_fernet")]
    pub encryption: Encryption,
}

impl Policy {
    /// The default rules, with this key.
    #[must_use]
    pub fn new(key: KeyId) -> Self {
        Self {
            change: ChangeRule::default(),
            reappeared: ReappearanceRule::default(),
            drafts: DraftRule::default(),
            on_key_change: KeyChangeRule::default(),
            remote_check: RemoteCheckRule::default(),
            key,
            guards: Guards::default(),
            encryption: Encryption::default(),
        }
    }

    /// SHA-256 over `broker-courier policy`, a zero byte, and the `MessagePack` of the policy, as the
    /// log holds it (`docs/log-format.md`).
    #[must_use]
    pub fn digest(&self) -> Digest {
        // Encoding into memory fails for no value of this type.
        let bytes = rmp_serde::to_vec_named(self).unwrap_or_default();
        Digest::of(&[b"broker-courier policy\0", &bytes])
    }
}
