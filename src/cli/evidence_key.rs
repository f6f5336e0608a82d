//! `evidence-key`: a new key that signs checkpoints, in a file of its own; or the public half of one.

use super::arguments::EvidenceKeyOptions;
use super::error::CommandError;
use super::output;
use crate::effects::evidence::EvidenceKey;
use crate::exit_code::ExitCode;

pub(crate) fn evidence_key(options: &EvidenceKeyOptions) -> Result<ExitCode, CommandError> {
    let file = options.file.display();
    if options.public {
        let (key, exposed) = EvidenceKey::load(&options.file)?;
        if let Some(exposed) = exposed {
            tracing::warn!("{exposed}");
        }
        output::write(|output| writeln!(output, "{}", key.verifier()))?;
        return Ok(ExitCode::Done);
    }
    let key = EvidenceKey::generate(&options.file, &options.name.0)?;
    output::tell(|output| {
        writeln!(
            output,
            "Created {file}: EVIDENCE.KEY names it. What others verify by:\n{}\n\
             Give them that line over a way that nobody else writes to.",
            key.verifier()
        )
    });
    Ok(ExitCode::Done)
}
