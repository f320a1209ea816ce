# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of an endpoint that Prometheus has for a whole scrape config only. Private to the collection.

An endpoint with options of its own gets a scrape config of its own; its label ``job`` stays. To add an option, add one entry to
`OPTIONS`. The form of each option, and the version that introduced the option: Prometheus' documentation ("Configuration",
<scrape_config>) and its CHANGELOG.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version, boolean_problem, size_problem

# By the option's name: the value, as the inventory has it.
Options = dict[str, t.Any]
# Returns what is wrong with a value, or None.
Check = t.Callable[[t.Any], t.Optional[str]]
_PROTOCOLS = ("PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0")
_TLS_KEYS = ("ca_file", "cert_file", "key_file", "server_name", "insecure_skip_verify")
# By key of metric_relabel: the relabeling rule, without its regex.
_SHORT_FORMS: dict[str, dict[str, t.Any]] = {
    "keep": {"source_labels": ["__name__"], "action": "keep"},
    "drop": {"source_labels": ["__name__"], "action": "drop"},
    "drop_labels": {"action": "labeldrop"},
}


def _limit(value: t.Any) -> str | None:
    is_limit = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return None if is_limit else "must be a whole number, 0 for no limit"


def _protocol(value: t.Any) -> str | None:
    return None if value in _PROTOCOLS else f"must be one of {', '.join(_PROTOCOLS)}"


def _protocols(value: t.Any) -> str | None:
    if isinstance(value, list) and value:
        return next((problem for problem in map(_protocol, value) if problem), None)
    return f"must be a list of {', '.join(_PROTOCOLS)}"


def _path(value: t.Any) -> str | None:
    return (
        None
        if isinstance(value, str) and value.startswith("/")
        else "must be the absolute path of a file on the Prometheus server"
    )


def _text(value: t.Any) -> str | None:
    return None if isinstance(value, str) and value else "must be a string that is not empty"


def _url(value: t.Any) -> str | None:
    return None if re.fullmatch(r"(https?|socks5h?)://[^\s/]+/?", str(value)) else "must be the URL of a proxy: http://proxy:3128"


def _basic_auth(value: t.Any) -> str | None:
    if not isinstance(value, dict) or not value.get("username") or set(value) - {"username", "password", "password_file"}:
        return "must be a dictionary with username, and with password or password_file"
    return (
        None if bool(value.get("password")) != bool(value.get("password_file")) else "must have either password or password_file"
    )


def _tls(value: t.Any) -> str | None:
    if isinstance(value, dict) and value and not set(value) - set(_TLS_KEYS):
        return None
    return f"must be a dictionary with keys of {', '.join(_TLS_KEYS)}"


def _metric_relabel(value: t.Any) -> str | None:
    if isinstance(value, list):
        is_right = all(isinstance(rule, dict) for rule in value)
        return None if is_right else "must be a list of dictionaries, as in metric_relabel_configs"
    if not isinstance(value, dict) or not value or set(value) - set(_SHORT_FORMS):
        return f"must be a dictionary with keys of {', '.join(_SHORT_FORMS)}, or a list as in metric_relabel_configs"
    for key, expressions in value.items():
        if not isinstance(expressions, list) or not all(isinstance(item, str) and item for item in expressions):
            return f"{key} must be a list of regular expressions"
    return next((problem for key, expressions in value.items() for problem in map(_expression, expressions) if problem), None)


def _expression(expression: str) -> str | None:
    try:
        re.compile(expression)
    except re.error as error:
        return f"{expression!r} must be a regular expression: {error}"
    return None


@dataclasses.dataclass(frozen=True)
class Option:
    """One option: what it may be, and which version of Prometheus introduced it."""

    check: Check
    since: Version = (0,)


OPTIONS: dict[str, Option] = {
    "honor_labels": Option(boolean_problem),
    "honor_timestamps": Option(boolean_problem),
    "metric_relabel": Option(_metric_relabel),
    "sample_limit": Option(_limit),
    "target_limit": Option(_limit),
    "label_limit": Option(_limit),
    "label_name_length_limit": Option(_limit),
    "label_value_length_limit": Option(_limit),
    "body_size_limit": Option(size_problem),
    "bearer_token": Option(_text),
    "bearer_token_file": Option(_path),
    "basic_auth": Option(_basic_auth),
    "tls": Option(_tls),
    "proxy_url": Option(_url),
    "follow_redirects": Option(boolean_problem),
    "enable_compression": Option(boolean_problem, since=(2, 49)),
    "scrape_protocols": Option(_protocols, since=(2, 49)),
    "fallback_scrape_protocol": Option(_protocol, since=(3, 0)),
    "native_histogram_bucket_limit": Option(_limit, since=(2, 45)),
    "always_scrape_classic_histograms": Option(boolean_problem, since=(3, 0)),
    "scrape_native_histograms": Option(boolean_problem, since=(3, 8)),
}
_CREDENTIALS = ("bearer_token", "bearer_token_file", "basic_auth")
_SECRETS = ("bearer_token", "basic_auth", "proxy_url")


def options_of(raw: t.Mapping[str, t.Any]) -> Options:
    """Return the options among the keys of an endpoint; a null is none."""
    return {key: raw[key] for key in OPTIONS.keys() & raw.keys() if raw[key] is not None}


def option_problems(options: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield what is wrong with *options* that are all known: name, value, remedy. A value that may be secret is not shown."""
    for name, value in options.items():
        remedy = OPTIONS[name].check(value)
        if remedy:
            yield name, "…" if name in _SECRETS else value, remedy
    credentials = [name for name in _CREDENTIALS if name in options]
    if len(credentials) > 1:
        yield credentials[1], "…", f"the endpoint has {credentials[0]}, too: remove one of them"


def options_problem(_job: str, options: t.Any) -> str | None:
    """Return the first problem of the entry of a job in monitoring_scrape_options, or None."""
    if not isinstance(options, dict):
        return "must be a dictionary of options"
    unknown = sorted(set(map(str, options)) - set(OPTIONS))
    if unknown:
        return f"{', '.join(unknown)}: there is no such option. The options are {', '.join(OPTIONS)}"
    return next((f"{name}: {remedy}" for name, _value, remedy in option_problems(options)), None)


def revision(options: t.Mapping[str, t.Any]) -> str:
    """Return eight characters that differ for different options."""
    public = {**options, **({"secret": _secret_revision(secret)} if (secret := _secret(options)) else {})}
    public.pop("bearer_token", None)
    if "basic_auth" in public:
        public["basic_auth"] = {key: value for key, value in public["basic_auth"].items() if key != "password"}
    return hashlib.sha256(json.dumps(public, sort_keys=True).encode()).hexdigest()[:8]


def _secret(options: t.Mapping[str, t.Any]) -> str:
    return str(options.get("bearer_token") or (options.get("basic_auth") or {}).get("password") or "")


@functools.cache
def _secret_revision(secret: str) -> str:
    """Return characters that differ for different secrets. They are in file names, which must not help to guess the secret."""
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), b"vigie.monitoring", 100_000).hex()[:8]


def secret_file(name: str, options: t.Mapping[str, t.Any]) -> tuple[str, str] | None:
    """Return the path, relative to prometheus.yml, and the content of the file with the secret of *options*; None without one.

    :param name: the name of the scrape config. A client keeps the secret that it has read: another secret is another file.
    """
    secret = _secret(options)
    return (f"web/{name}-{_secret_revision(secret)}.secret", secret) if secret else None


def scrape_config_of(name: str, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return *options* as Prometheus' scrape config called *name* has them."""
    found = {key: value for key, value in options.items() if key not in (*_CREDENTIALS, "tls", "metric_relabel")}
    file = secret_file(name, options)
    if "bearer_token" in options or "bearer_token_file" in options:
        found["authorization"] = {"credentials_file": file[0] if file else options["bearer_token_file"]}
    if "basic_auth" in options:
        login = options["basic_auth"]
        found["basic_auth"] = {"username": login["username"], "password_file": file[0] if file else login["password_file"]}
    if "tls" in options:
        found["tls_config"] = dict(options["tls"])
    if "metric_relabel" in options:
        rules = options["metric_relabel"]
        if isinstance(rules, dict):
            rules = [{**rule, "regex": "|".join(rules[key])} for key, rule in _SHORT_FORMS.items() if rules.get(key)]
        found["metric_relabel_configs"] = rules
    return found
