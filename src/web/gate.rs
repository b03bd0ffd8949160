//! The gate: every request passes here before any page. It has to name us, and to change anything it has to come from a page of ours.
//!
//! A stranger's page in the same browser can send requests here. What it cannot do is forge `Host` or `Origin`, read our
//! token, or make the browser send a `SameSite=Strict` cookie; each of the four is asked for on its own.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, Method, StatusCode, Uri,
        header::{COOKIE, HOST, ORIGIN},
    },
    middleware::Next,
    response::Response,
};
use maud::Markup;

use super::{answer, door::PATIENCE, token::Token};

/// The largest body of a form, in bytes.
pub(super) const FORM_MAX: usize = 16 * 1024;

/// The form field that holds the token.
pub(super) const FIELD: &str = "token";

/// Who is let in.
#[derive(Clone)]
pub(super) struct Gate {
    /// Every `Host` that means us.
    pub(super) hosts: Vec<String>,
    /// What a POST has to show.
    pub(super) token: Token,
    /// The name of the cookie that holds the token too; ports of one machine share their cookies.
    pub(super) cookie: String,
    /// How a refusal looks.
    pub(super) refusal: fn(StatusCode, &str) -> Markup,
}

/// Lets a request pass, or answers it.
pub(super) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    answer::guarded(match gate.checked(request).await {
        Ok(request) => next.run(request).await,
        Err((status, why)) => answer::page(status, (gate.refusal)(status, why)),
    })
}

type Refused = (StatusCode, &'static str);

impl Gate {
    /// Returns the cookie that a page sets, for its own forms.
    pub(super) fn cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.token.shown())
    }

    /// Checks a request and reads its body whole.
    async fn checked(&self, request: Request) -> Result<Request, Refused> {
        let (parts, body) = request.into_parts();
        self.check_host(&parts.headers, &parts.uri)?;
        let body = read(body, FORM_MAX).await?;
        match parts.method {
            Method::GET | Method::HEAD => {}
            Method::POST => self.check_source(&parts.headers, &body)?,
            _ => {
                return Err((StatusCode::METHOD_NOT_ALLOWED, "there are GET, HEAD and POST here"));
            }
        }
        Ok(Request::from_parts(parts, Body::from(body)))
    }

    fn check_host(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refused> {
        let is_ours = |host: &str| self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host));
        let named = one(headers, HOST).is_some_and(is_ours);
        if named && uri.authority().is_none_or(|authority| is_ours(authority.as_str())) {
            Ok(())
        } else {
            Err((
                StatusCode::MISDIRECTED_REQUEST,
                "the address of this page is not the one that the terminal showed",
            ))
        }
    }

    fn check_source(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let ours = one(headers, HOST).map(|host| format!("http://{host}"));
        if ours.is_none() || one(headers, ORIGIN) != ours.as_deref() {
            return Err((StatusCode::FORBIDDEN, "the form did not come from this page"));
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies = cookies.flat_map(|line| line.split(';')).filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.cookie).then_some(value)
        });
        let mut fields = form_urlencoded::parse(body);
        let shown = fields.find(|(name, _)| name == FIELD);
        if shown.is_some_and(|(_, said)| self.token.is(&said))
            && cookies.any(|said| self.token.is(said))
        {
            Ok(())
        } else {
            Err((
                StatusCode::FORBIDDEN,
                "the form is from an earlier run: reload the page and try again",
            ))
        }
    }
}

/// Reads a body that is neither longer than `bytes_max` nor too slow.
pub(super) async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refused> {
    match tokio::time::timeout(PATIENCE, to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err((StatusCode::PAYLOAD_TOO_LARGE, "that is more than a form here holds")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive")),
    }
}

/// Returns a header that is there exactly once.
pub(super) fn one(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}
