/// A database's URL for libraries that parse it as browsers do, for which a user without a host is an error. For libpq it is none: the host is in the query,
/// and here the user is put there, too.
pub fn with_user_in_query(url: &str) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (user, rest) = rest.split_once('@')?;
        rest.starts_with('/').then_some((scheme, user, rest))
    });
    let Some((scheme, user, rest)) = parts else {
        return url.to_owned();
    };
    let joint = if rest.contains('?') { '&' } else { '?' };
    match user.split_once(':') {
        Some((user, password)) => {
            format!("{scheme}://{rest}{joint}user={user}&password={password}")
        }
        None => format!("{scheme}://{rest}{joint}user={user}"),
    }
}

#[cfg(test)]
mod tests {
    use super::with_user_in_query;

    #[test]
    fn users_without_a_host_go_into_the_query() {
        for (url, want) in [
            (
                "postgresql://u@/d?host=/tmp",
                "postgresql:///d?host=/tmp&user=u",
            ),
            (
                "postgresql://u:p%40@/d",
                "postgresql:///d?user=u&password=p%40",
            ),
            ("postgresql://u:p@h:5432/d", "postgresql://u:p@h:5432/d"),
            ("postgresql:///d?host=/tmp", "postgresql:///d?host=/tmp"),
        ] {
            assert_eq!(with_user_in_query(url), want);
        }
    }
}
