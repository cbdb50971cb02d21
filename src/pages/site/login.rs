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
use crate::pages::view::{Avatar, Layout, Page, page};
use crate::protocol::ids::UserId;
use crate::protocol::params::Params;
use crate::store::StoreError;

const LONGEST_NAME: usize = 64;

/// The form field whose value is always an ID, never a username.
const BY_ID: &str = "user_id";
/// The page lists all users, so it creates none beyond this number.
const MOST_USERS: usize = 1000;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Layout,
    action: String,
    return_url: String,
    people: Vec<Person>,
    name: String,
    problem: Option<String>,
}

impl Page for Login {
    fn frame(&self) -> &Layout {
        &self.frame
    }
}

struct Person {
    /// The form field that names this user.
    field: &'static str,
    id: i64,
    name: String,
    avatar: Avatar,
    email: Option<String>,
    marks: Vec<&'static str>,
    current: bool,
}

/// `GET /login?returnUrl=…`.
pub(crate) async fn get(context: RequestContext, RawQuery(query): RawQuery) -> Response {
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let return_url = query.text("returnUrl").unwrap_or_default().to_owned();
    show(&context, StatusCode::OK, return_url, String::new(), None)
}

/// `POST /login`: `user` (username or ID) or `user_id` selects a user, `name` creates one.
pub(crate) async fn post(context: RequestContext) -> Response {
    let params = context.params();
    let return_url = params.text("returnUrl").unwrap_or_default().to_owned();
    let picked = match params.non_empty(BY_ID) {
        Some(id) => id.parse().ok().map(UserRef::Id),
        None => params.non_empty("user").map(UserRef::from),
    };
    let chosen = match (picked, params.text("name").map(str::trim)) {
        (Some(user), _) => Ok(find(&context, &user)),
        (None, Some(name)) => find_or_create(&context, name).await,
        (None, None) => Ok(Err("Pick a user, or type a name.".to_owned())),
    };
    let signed_in = match chosen {
        Ok(Ok(user)) => session::sign_in(&context.sandbox, &context.base, user.id).await,
        Ok(Err(problem)) => {
            let name = params.text("name").unwrap_or_default().to_owned();
            return show(
                &context,
                StatusCode::BAD_REQUEST,
                return_url,
                name,
                Some(problem),
            );
        }
        Err(why) => Err(why),
    };
    match signed_in {
        Err(error @ StoreError::Full { .. }) => {
            let problem = format!("{error}; {MAKE_ROOM}.");
            let name = params.text("name").unwrap_or_default().to_owned();
            let status = StatusCode::SERVICE_UNAVAILABLE;
            show(&context, status, return_url, name, Some(problem))
        }
        Ok(cookie) => {
            let there = context.base.return_path(&return_url);
            respond::with_cookie(respond::see_other(&there), Some(&cookie))
        }
        Err(why) => respond::failure(&why),
    }
}

/// `GET|POST /logout`.
pub(crate) async fn logout(context: RequestContext) -> Response {
    match session::sign_out(&context).await {
        Ok(cookie) => respond::with_cookie(
            respond::see_other(&context.base.path("/login")),
            Some(&cookie),
        ),
        Err(why) => respond::failure(&why),
    }
}

fn find(context: &RequestContext, named: &UserRef) -> Result<User, String> {
    let sandbox = &context.sandbox;
    let found = sandbox.data().find_user(named);
    found
        .filter(|user| !user.deleted)
        .ok_or_else(|| "That user is gone.".to_owned())
}

async fn find_or_create(
    context: &RequestContext,
    name: &str,
) -> Result<Result<User, String>, StoreError> {
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control)
    {
        return Ok(Err(format!(
            "A name has 1 to {LONGEST_NAME} printable characters."
        )));
    }
    let sandbox = &context.sandbox;
    // Only a username: the digits of another user's ID are a valid name for a new user.
    let known = sandbox.data().find_user(&UserRef::from(name));
    match known.filter(|user| user.username.as_deref() == Some(name)) {
        Some(user) if user.deleted => {
            Ok(Err("That user is deleted. Choose another name.".to_owned()))
        }
        Some(user) => Ok(Ok(user)),
        None => {
            let user = User::named(UserId(0), name);
            let made = sandbox.data().insert_user(user, false, MOST_USERS).await?;
            Ok(made.ok_or_else(|| "Somebody took that name just now. Try again.".to_owned()))
        }
    }
}

fn show(
    context: &RequestContext,
    status: StatusCode,
    return_url: String,
    name: String,
    problem: Option<String>,
) -> Response {
    let sandbox = &context.sandbox;
    let current = session::cookie_user(context).map(|user| user.id);
    let users = sandbox.data().list_users();
    let usernames = User::usernames(&users);
    let people = users
        .iter()
        .filter(|user| !user.deleted)
        .map(|user| Person {
            field: if user.has_ambiguous_id(&usernames) {
                BY_ID
            } else {
                "user"
            },
            id: user.id.0,
            name: user.display_name(),
            avatar: Avatar::of_user(user),
            email: user.email.clone(),
            marks: marks(user),
            current: current == Some(user.id),
        });
    let people = people.collect();
    let frame = Layout::new(&context.base);
    let action = context.base.path("/login");
    page(
        status,
        &Login {
            frame,
            action,
            return_url,
            people,
            name,
            problem,
        },
    )
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
