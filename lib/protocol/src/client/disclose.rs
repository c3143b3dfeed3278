//! What a person takes out for others: one message with its key, or the receipt of an entry.
//! Never gives an epoch's key away, and never gives a message away before the log says that it was.

use super::chain::Draft;
use super::error::{Error, What};
use super::flow::Cx;
use super::receive::Checked;
use super::secret::SecretBytes;
use crate::answer::{Answer, Page};
use crate::disclosure::Disclosure;
use crate::frame::At;
use crate::query::Query;
use crate::seal::body::BodyRef;
use crate::seal::keys::{BodyKey, Lock, TextPlace};
use journal::act::{Act, Disclose, Message};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{ConversationId, Index};
use journal::receipt::Receipt;
use journal::statement::Header;
use pki::CertId;

/// A message that opens here.
struct Opened {
    header: Header,
    body: Vec<u8>,
    key: BodyKey,
}

impl Cx {
    /// Discloses one message: opens it, gathers all that proves it, records the act, and only then puts the file together.
    pub(crate) async fn disclose(&self, id: ConversationId, index: Index) -> Result<SecretBytes, Error> {
        let Opened { header, body, key } = self.opened(id, index).await?;
        let number = self.conversation(id).await?.number;
        let conversation = self.proven(number).await?.0;
        let (message, _) = self.proven(index).await?;
        let own = self.with(|state| state.me.certificate.clone());
        let mut certificates = vec![self.certificate(header.certificate)?];
        if header.certificate != own.id() {
            certificates.push(own.der().to_vec());
        }
        let authorities = self.with(|state| state.book.between());
        let act = Act::Disclose(Disclose { message: index });
        let recorded = self.submit(Draft::Act(Box::new(act))).await?.index;
        self.with(|state| state.conversations.dirty(id));
        // The one thing that can be had only now. Where it fails, a record of no file is left: never a file without its record.
        let proven = self.proven(recorded).await;
        let (record, _) = proven.map_err(|_| Error::RecordedAlone { index: recorded })?;
        // Under the newest head, where it can be had: of an older one a succession may have given up what it stands on.
        let message = self.proven(index).await.map_or(message, |(newer, _)| newer);
        let file = Disclosure { message, conversation, record, body, key, certificates, authorities };
        Ok(SecretBytes::new(file.to_text().as_bytes().to_vec()))
    }

    /// The receipt of an entry, with the entry inside, as a C2SP tlog-proof.
    pub(crate) async fn receipt(&self, index: Index) -> Result<SecretBytes, Error> {
        let (receipt, _) = self.proven(index).await?;
        Ok(SecretBytes::new(receipt.to_string().into_bytes()))
    }

    /// The message with the one key that opens it. What does not open here is not disclosed.
    async fn opened(&self, id: ConversationId, index: Index) -> Result<Opened, Error> {
        self.follow(id).await?;
        let query = Query::Messages(At { conversation: id, index });
        let Answer::Messages(page) = self.ask(query).await? else {
            return Err(Error::unverified(What::Answer));
        };
        let unknown = Error::UnknownMessage { index };
        let entry = self.check_page(page).await?.into_iter().next().filter(|entry| entry.index == index);
        let entry = entry.ok_or(unknown.clone())?;
        let Some((header, Act::Message(act))) = entry.act() else { return Err(unknown) };
        if act.conversation != id {
            return Err(unknown);
        }
        if entry.erased_by.is_some() {
            return Err(Error::Erased { index });
        }
        let body = entry.body.clone().ok_or(Error::unverified(What::Body))?;
        let key = self.epoch_key(id, act.epoch).await?;
        let place = TextPlace::of(header, id, act.epoch);
        let lock = Lock::message(header.suite, &key, &place).map_err(|_| Error::Key)?;
        let key = body_key(&body, header, act, &lock).ok_or(Error::unverified(What::Body))?;
        Ok(Opened { header: header.clone(), body, key })
    }

    /// An entry with its own proof, checked here first.
    async fn proven(&self, index: Index) -> Result<(Receipt, Checked), Error> {
        let bad = || Error::unverified(What::Answer);
        let Answer::EntriesAt(page) = self.ask(Query::EntriesAt(vec![index])).await? else {
            return Err(bad());
        };
        let Page { note, proof, .. } = page.clone();
        let entry = self.check_page(page).await?.pop().filter(|entry| entry.index == index);
        let entry = entry.ok_or(Error::UnknownMessage { index })?;
        let checkpoint = SignedCheckpoint::parse(&note).map_err(|_| bad())?;
        let size = checkpoint.claimed().head.size;
        let receipt = proof.inclusion(index, size).and_then(|proof| Receipt::new(proof, checkpoint).ok());
        let receipt = receipt.and_then(|receipt| receipt.with_extra(entry.bytes.clone()).ok());
        Ok((receipt.ok_or_else(bad)?, entry))
    }

    /// A certificate that verified an entry here.
    fn certificate(&self, id: CertId) -> Result<Vec<u8>, Error> {
        let known = self.with(|state| state.book.get(id));
        known.map(|known| known.certificate().der().to_vec()).ok_or(Error::unverified(What::Certificate))
    }
}

/// The key of this body, where the body is the one that was signed and opens.
fn body_key(body: &[u8], header: &Header, act: &Message, lock: &Lock<'_>) -> Option<BodyKey> {
    let parsed = BodyRef::parse(body).ok()?;
    let bound =
        parsed.commitment() == act.commitment && parsed.size() == act.size && parsed.suite() == header.suite;
    bound.then(|| parsed.disclose(lock).ok()).flatten()
}
