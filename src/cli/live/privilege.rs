//! Root's rights are given up once everything is open: who came through sudo goes on as who they are.

/// Goes on as the user that called sudo. Returns who that is, or nothing where there is nothing to give up.
///
/// # Errors
/// One sentence: the system refused.
#[cfg(target_os = "linux")]
pub(super) fn give_up() -> anyhow::Result<Option<String>> {
    use nix::unistd::{Gid, Uid, User, setgid, setgroups, setuid};
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let (Some(user), Some(group)) = (number("SUDO_UID"), number("SUDO_GID")) else {
        return Ok(None);
    };
    if !Uid::effective().is_root() || user == 0 {
        return Ok(None);
    }
    let refused = |error: nix::Error| anyhow::anyhow!("cannot give up root's rights: {}", error.desc());
    setgroups(&[]).map_err(refused)?;
    setgid(Gid::from_raw(group)).map_err(refused)?;
    setuid(Uid::from_raw(user)).map_err(refused)?;
    let name = User::from_uid(Uid::from_raw(user)).ok().flatten().map(|user| user.name);
    Ok(Some(name.unwrap_or_else(|| format!("user {user}"))))
}

/// Elsewhere there is no safe way, or nothing to give up.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
pub(super) fn give_up() -> anyhow::Result<Option<String>> {
    Ok(None)
}
