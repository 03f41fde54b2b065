//! From a client certificate to a CA, as crypto/x509 climbs: by names, then by signatures.

use super::signature::{Checked, check};
use super::{Certificate, Moment};

/// Most signatures that are checked for one answer: many certificates of one name would take forever.
const MAX_CHECKS: usize = 64;
const TOO_MANY: &str = "more than 64 signatures would have to be checked";
/// Longest chain that is followed, the client's and the CA's certificate not counted.
const MAX_DEPTH: usize = 6;

/// Where the climb ended, from the worst to the best.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// No CA has the name of the signer.
    NoSigner,
    /// A CA has the name of the signer, and its key did not make the signature.
    OtherKey,
    /// A signature was made with SHA-1 or MD5, which Go refuses.
    Insecure,
    /// Every signature is right, and a signer is not valid at the time.
    NotValid(String),
    /// Names fit, and a signature was not checked, for this reason. Go might take it, so that no fault that
    /// another way has counts.
    Unchecked(&'static str),
    /// Every signature is right and every signer valid.
    Signed(String),
}

/// Climbs from a client certificate, over those that the client sends along, to one of the CAs. The texts
/// name the CA, or the signer that is not valid. Constraints on names and on the length are not looked at.
pub fn chain(
    client: &Certificate,
    along: &[&Certificate],
    authorities: &[&Certificate],
    now: Moment,
) -> Chain {
    if authorities.contains(&client) {
        return Chain::Signed(client.subject.to_string());
    }
    let mut climb = Climb {
        along,
        authorities,
        now,
        left: MAX_CHECKS,
    };
    climb.from(client, MAX_DEPTH, &mut Vec::new())
}

struct Climb<'a> {
    along: &'a [&'a Certificate],
    authorities: &'a [&'a Certificate],
    now: Moment,
    left: usize,
}

impl<'a> Climb<'a> {
    fn from(&mut self, one: &Certificate, depth: usize, seen: &mut Vec<usize>) -> Chain {
        let mut best = Chain::NoSigner;
        let authorities = self.authorities;
        for authority in authorities.iter().filter(|by| may_sign(by, one)) {
            let found = match self.checked(one, authority) {
                Ok(()) if authority.is_valid_at(self.now) => {
                    return Chain::Signed(authority.subject.to_string());
                }
                Ok(()) => Chain::NotValid(authority.subject.to_string()),
                Err(chain) => chain,
            };
            best = best.max(found);
        }
        let along = self.along;
        for (index, by) in along.iter().enumerate() {
            if depth == 0 || seen.contains(&index) || !may_sign(by, one) {
                continue;
            }
            let found = match self.checked(one, by) {
                Ok(()) => {
                    seen.push(index);
                    let above = self.from(by, depth - 1, seen);
                    seen.pop();
                    match above {
                        Chain::Signed(_) if !by.is_valid_at(self.now) => {
                            Chain::NotValid(by.subject.to_string())
                        }
                        above => above,
                    }
                }
                Err(chain) => chain,
            };
            best = best.max(found);
            if matches!(best, Chain::Signed(_)) {
                break;
            }
        }
        best
    }

    fn checked(&mut self, one: &Certificate, by: &Certificate) -> Result<(), Chain> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(Chain::Unchecked(TOO_MANY));
        };
        self.left = left;
        match check(one, by) {
            Checked::Good => Ok(()),
            Checked::Bad => Err(Chain::OtherKey),
            Checked::Insecure => Err(Chain::Insecure),
            Checked::Unchecked(why) => Err(Chain::Unchecked(why)),
        }
    }
}

/// By name, and by what it is: only a CA may sign.
fn may_sign(by: &Certificate, one: &Certificate) -> bool {
    by.purpose.signer && by.names.subject == one.names.issuer
}
