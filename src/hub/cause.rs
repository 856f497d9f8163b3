//! What led to a fact.

use crate::base::ids::{ClientId, RequestId};
use crate::room::session::IdempotencyKey;

/// What led to a fact. By default, nobody's action.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cause<'a> {
    /// The client whose action it was: it is not told that it is back, gets no notice that it has joined, and gets its
    /// post with its `ref`.
    pub client: Option<ClientId>,
    /// The `ref` of the post that the fact is about.
    pub reference: Option<&'a str>,
    /// The request of another node's client.
    pub request: Option<RequestId>,
    /// The key of the `ref` of the post that the fact is about, if other nodes may need it.
    pub key: Option<IdempotencyKey>,
}

impl<'a> Cause<'a> {
    /// A client's action.
    pub(crate) fn client(client: ClientId) -> Self {
        Self { client: Some(client), ..Self::default() }
    }

    /// The same with the `ref` of a post.
    pub(crate) fn with_reference(self, reference: Option<&'a str>) -> Self {
        Self { reference, ..self }
    }
}
