//! `/login` and `/logout`: a page to choose or create the signed-in user, without passwords. Sessions are in
//! `http/session.rs`.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::session;
use crate::invalid::MAKE_ROOM;
use crate::model::user::{User, UserRef};
use crate::pages::site::layout::{SiteLayout, site_page};
use crate::pages::view::{Avatar, PageResult};
use crate::protocol::endpoint::LOGIN;
use crate::protocol::ids::UserId;
use crate::protocol::params::Params;
use crate::store::StoreError;

const MAX_NAME_CHARS: usize = 64;

/// The form field whose value is always an ID, never a username.
const BY_ID: &str = "user_id";

/// The page lists all users, so it creates none beyond this number.
const MAX_USERS: usize = 1000;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    layout: SiteLayout,
    action: String,
    users: Vec<UserOption>,
    form: LoginForm,
}

/// The form, with its fields as typed.
#[derive(Default)]
struct LoginForm {
    return_url: String,
    name: String,
    problem: Option<String>,
}

/// A user to choose.
struct UserOption {
    /// The form field that names this user.
    field: &'static str,
    id: i64,
    name: String,
    avatar: Avatar,
    email: Option<String>,
    marks: Vec<&'static str>,
    is_current: bool,
}

/// `GET /login?returnUrl=…`.
pub(crate) async fn get(context: RequestContext, RawQuery(query): RawQuery) -> Response {
    let layout = SiteLayout::at(&context, LOGIN.path(), query.as_deref());
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let form = LoginForm {
        return_url: query.text("returnUrl").unwrap_or_default().to_owned(),
        ..LoginForm::default()
    };
    show(&context, layout, StatusCode::OK, form)
}

/// `POST /login`: `user` (username or ID) or `user_id` selects a user, `name` creates one.
pub(crate) async fn post(context: RequestContext) -> PageResult {
    let params = context.params();
    let return_url = params.text("returnUrl").unwrap_or_default().to_owned();
    let (status, problem) = match sign_in(&context, params).await {
        Ok(cookie) => {
            let redirect = respond::see_other(&context.base.return_path(&return_url));
            return Ok(respond::with_cookie(redirect, Some(&cookie)));
        }
        Err(LoginError::Form(problem)) => (StatusCode::BAD_REQUEST, problem),
        Err(LoginError::Store(error @ StoreError::TableFull { .. })) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{error}; {MAKE_ROOM}."),
        ),
        Err(LoginError::Store(error)) => return Err(error.into()),
    };
    let name = params.text("name").unwrap_or_default().to_owned();
    let form = LoginForm {
        return_url,
        name,
        problem: Some(problem),
    };
    Ok(show(&context, SiteLayout::new(&context), status, form))
}

/// `GET|POST /logout`.
pub(crate) async fn logout(context: RequestContext) -> PageResult {
    let cookie = session::sign_out(&context).await?;
    let redirect = respond::see_other(&context.base.path("/login"));
    Ok(respond::with_cookie(redirect, Some(&cookie)))
}

/// The reason that a user cannot sign in.
enum LoginError {
    /// A mistake in the form, as a message for the user.
    Form(String),
    Store(StoreError),
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Signs in the user of the form. Returns the session cookie.
async fn sign_in(context: &RequestContext, params: &Params) -> Result<String, LoginError> {
    let selected = match params.non_empty(BY_ID) {
        Some(id) => id.parse().ok().map(UserRef::Id),
        None => params.non_empty("user").map(UserRef::from),
    };
    let user = match (selected, params.text("name").map(str::trim)) {
        (Some(user), _) => find(context, &user)?,
        (None, Some(name)) => find_or_create(context, name).await?,
        (None, None) => {
            return Err(LoginError::Form(
                "Choose a user, or enter a username.".to_owned(),
            ));
        }
    };
    Ok(session::sign_in(&context.sandbox, &context.base, user.id).await?)
}

fn find(context: &RequestContext, named: &UserRef) -> Result<User, LoginError> {
    let sandbox = &context.sandbox;
    let found = sandbox.data().find_user(named);
    found
        .filter(|user| !user.deleted)
        .ok_or_else(|| LoginError::Form("This user no longer exists.".to_owned()))
}

async fn find_or_create(context: &RequestContext, name: &str) -> Result<User, LoginError> {
    if name.is_empty()
        || name.chars().count() > MAX_NAME_CHARS
        || name.chars().any(char::is_control)
    {
        return Err(LoginError::Form(format!(
            "A username has 1 to {MAX_NAME_CHARS} printable characters."
        )));
    }
    let sandbox = &context.sandbox;
    // Only a username: the digits of another user's ID are a valid name for a new user.
    let known = sandbox.data().find_user(&UserRef::from(name));
    match known.filter(|user| user.username.as_deref() == Some(name)) {
        Some(user) if user.deleted => Err(LoginError::Form(
            "This user is deleted. Choose another username.".to_owned(),
        )),
        Some(user) => Ok(user),
        None => {
            let user = User::named(UserId(0), name);
            let created = sandbox.data().insert_user(user, false, MAX_USERS).await?;
            created.ok_or_else(|| {
                LoginError::Form("This username was just taken. Try again.".to_owned())
            })
        }
    }
}

fn show(
    context: &RequestContext,
    layout: SiteLayout,
    status: StatusCode,
    form: LoginForm,
) -> Response {
    let sandbox = &context.sandbox;
    let current = session::cookie_user(context).map(|user| user.id);
    let users = sandbox.data().list_users();
    let usernames = User::usernames(&users);
    let options = users
        .iter()
        .filter(|user| !user.deleted)
        .map(|user| UserOption {
            field: if user.has_ambiguous_id(&usernames) {
                BY_ID
            } else {
                "user"
            },
            id: user.id.0,
            name: user.display_name(),
            avatar: Avatar::for_user(user),
            email: user.email.clone(),
            marks: marks(user),
            is_current: current == Some(user.id),
        });
    let login = Login {
        layout,
        action: context.base.path("/login"),
        users: options.collect(),
        form,
    };
    site_page(status, &login.layout, &login)
}

/// Labels for the special properties of a user.
fn marks(user: &User) -> Vec<&'static str> {
    [
        (user.moderator, "moderator"),
        (user.roles.iter().any(|role| role == "tester"), "tester"),
        (user.muted, "muted"),
        (user.banned, "banned"),
    ]
    .into_iter()
    .filter_map(|(has, mark)| has.then_some(mark))
    .collect()
}
