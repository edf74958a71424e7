"""The settings: complete errors at start, nothing secret shown, nothing pretended in production."""

from __future__ import annotations

import base64
import re
from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path

import pytest

from config import BadConfig, Config

KEY, OLD_KEY = bytes(range(32)), bytes(range(32, 64))
MASTER = "k2:" + base64.b64encode(KEY).decode()
OLD = "k1:" + base64.b64encode(OLD_KEY).decode()
SECRET = "a-secret-of-at-least-thirty-two-characters"

PRODUCTION = {
    "PORTAL_BASE_URL": "https://portal.example",
    "PORTAL_SECRET_KEY": SECRET,
    "PORTAL_MASTER_KEYS": MASTER,
    "SMTP_URL": "smtp://mailer:hunter2@mail.example:587?starttls=1",
    "MAIL_FROM": "portal@portal.example",
    "DATABASE_URL": "postgresql://portal:opensesame@db.example/portal?sslmode=require",
}


def problems(**changes: str | None) -> list[str]:
    """Return what is wrong with a good production environment after these changes (None removes)."""
    env = {name: value for name, value in {**PRODUCTION, **changes}.items() if value is not None}
    with pytest.raises(BadConfig) as refusal:
        Config.from_env(env)
    for problem in refusal.value.problems:
        assert problem in str(refusal.value)
    return refusal.value.problems


def test_a_good_environment_is_read():
    config = Config.from_env({**PRODUCTION, "PORTAL_MASTER_KEYS": f"{MASTER}, {OLD}", "PORTAL_TRUSTED_PROXIES": "2"})
    assert config.environment == "production"
    assert config.is_pretend is False
    assert config.is_https is True
    assert config.base_url == "https://portal.example"
    assert config.database_url == PRODUCTION["DATABASE_URL"]
    assert config.master_keys == (("k2", KEY), ("k1", OLD_KEY))
    assert (config.trusted_proxies, config.log_level) == (2, "info")
    assert dict(config.paypal_urls) == {
        "live": "https://api-m.paypal.com",
        "sandbox": "https://api-m.sandbox.paypal.com",
    }


def test_what_has_a_harmless_default():
    config = Config.from_env({name: value for name, value in PRODUCTION.items() if name != "DATABASE_URL"})
    assert config.database_url is None
    assert config.data_folder.name == "var"
    assert config.trusted_proxies == 0
    assert Config.from_env({**PRODUCTION, "PORTAL_DATA": "/srv/portal"}).data_folder == Path("/srv/portal")


@pytest.mark.law("R-UK-4")
def test_the_day_of_the_british_regime_is_a_setting():
    assert Config.from_env(PRODUCTION).uk_regime_from is None
    assert Config.from_env({**PRODUCTION, "PORTAL_UK_REGIME_FROM": "2027-04-06"}).uk_regime_from == date(2027, 4, 6)
    assert problems(PORTAL_UK_REGIME_FROM="spring 2027") == [
        "PORTAL_UK_REGIME_FROM is 'spring 2027'; it must look like 2027-04-06"
    ]


def test_figures_are_off_unless_asked_for_and_a_token_can_be_changed():
    assert Config.from_env(PRODUCTION).metrics_tokens == ()
    assert Config.from_env(PRODUCTION).metrics_worker is None
    old, new = "vZ8Kq2Wm5Yt1Xc4Rb7Nd0Lf3x7Kq2Wm5", "Pq9Ws2Ed5Rf8Tg1Yh4Uj7Ik0aZ3xC6vB"
    config = Config.from_env(
        {**PRODUCTION, "PORTAL_METRICS_TOKEN": f"{new}, {old},", "PORTAL_METRICS_WORKER": "[::1]:9464"}
    )
    assert (config.metrics_tokens, config.metrics_worker) == ((new, old), ("::1", 9464))
    assert new not in repr(config)
    assert problems(PORTAL_METRICS_WORKER="127.0.0.1:9464") == [
        "PORTAL_METRICS_WORKER needs PORTAL_METRICS_TOKEN: nobody could read what is told there"
    ]
    for where in ("127.0.0.1", "127.0.0.1:99999", "127.0.0.1:0", "127.0.0.1:9464/metrics"):
        (problem,) = problems(PORTAL_METRICS_TOKEN=new, PORTAL_METRICS_WORKER=where)
        assert problem.startswith("PORTAL_METRICS_WORKER is ")


def test_a_secret_key_may_have_been_another_and_the_newest_signs():
    assert Config.from_env(PRODUCTION).signing_keys == (SECRET,)
    one, other = "vZ8Kq2Wm5Yt1Xc4Rb7Nd0Lf3x7Kq2Wm5", "Pq9Ws2Ed5Rf8Tg1Yh4Uj7Ik0aZ3xC6vB"
    config = Config.from_env({**PRODUCTION, "PORTAL_SECRET_KEYS_FORMER": f"{one}, {other}"})
    assert config.signing_keys == (one, other, SECRET)
    assert one not in repr(config)


def test_the_secret_keys_may_come_from_a_file_the_newest_first(tmp_path):
    one, other = "vZ8Kq2Wm5Yt1Xc4Rb7Nd0Lf3x7Kq2Wm5", "Pq9Ws2Ed5Rf8Tg1Yh4Uj7Ik0aZ3xC6vB"
    without = {name: value for name, value in PRODUCTION.items() if name != "PORTAL_SECRET_KEY"}
    file = key_file(tmp_path, f"{SECRET}\n{one}\n\n{other}\n".encode())
    config = Config.from_env({**without, "PORTAL_SECRET_KEY_FILE": file})
    assert (config.secret_key, config.former_secret_keys) == (SECRET, (one, other))
    (problem,) = problems(PORTAL_SECRET_KEY_FILE=file)
    assert problem.startswith("PORTAL_SECRET_KEY_FILE is given beside PORTAL_SECRET_KEY")
    (tmp_path / "open").mkdir()
    open_file = key_file(tmp_path / "open", SECRET.encode(), 0o444)
    with pytest.raises(BadConfig, match="chmod 400") as refusal:
        Config.from_env({**without, "PORTAL_SECRET_KEY_FILE": open_file})
    assert SECRET not in str(refusal.value)


def test_the_operators_legal_notice_is_an_address_that_can_be_left_out():
    assert Config.from_env(PRODUCTION).operator_legal_url == ""
    there = "https://host.example/legal"
    assert Config.from_env({**PRODUCTION, "PORTAL_LEGAL_NOTICE_URL": there}).operator_legal_url == there
    for wrong in ("host.example/legal", "http://host.example/legal", "javascript:alert(1)"):
        assert problems(PORTAL_LEGAL_NOTICE_URL=wrong) == [
            "PORTAL_LEGAL_NOTICE_URL must look like https://host.example/legal"
        ]


def test_the_journal_is_off_until_a_folder_is_named_from_the_root():
    config = Config.from_env(PRODUCTION)
    assert (config.journal_folder, config.journal_days) == (None, 35)
    config = Config.from_env({**PRODUCTION, "PORTAL_JOURNAL": "/srv/journal", "PORTAL_JOURNAL_DAYS": "60"})
    assert (config.journal_folder, config.journal_days) == (Path("/srv/journal"), 60)
    assert problems(PORTAL_JOURNAL="journal", PORTAL_JOURNAL_DAYS="1") == [
        "PORTAL_JOURNAL is 'journal'; it must begin with /",
        "PORTAL_JOURNAL_DAYS is 1; it must be 2 or more",
    ]


def test_an_empty_environment_names_every_missing_setting_at_once():
    with pytest.raises(BadConfig) as refusal:
        Config.from_env({})
    missing = {problem.removesuffix(" is missing") for problem in refusal.value.problems}
    assert missing == {"PORTAL_BASE_URL", "PORTAL_SECRET_KEY", "PORTAL_MASTER_KEYS", "SMTP_URL", "MAIL_FROM"}


@pytest.mark.parametrize("environment", ["production", "demo", "test"])
@pytest.mark.parametrize("blank", ["", "   ", None])
@pytest.mark.parametrize(
    "name", ["PORTAL_BASE_URL", "PORTAL_SECRET_KEY", "PORTAL_MASTER_KEYS", "SMTP_URL", "MAIL_FROM"]
)
def test_no_setting_that_protects_has_a_default_anywhere(name, blank, environment):
    found = problems(**{"PORTAL_ENV": environment, name: blank})
    assert [problem.split()[0] for problem in found] == [name]


BAD = [
    ("PORTAL_ENV", "staging"),
    ("PORTAL_ENV", "Production"),
    ("PORTAL_BASE_URL", "portal.example"),
    ("PORTAL_BASE_URL", "ftp://portal.example"),
    ("PORTAL_BASE_URL", "https://"),
    ("PORTAL_BASE_URL", "https://[::1"),
    ("PORTAL_BASE_URL", "https://portal.example:99999"),
    ("PORTAL_BASE_URL", "https://portal.example/sub"),
    ("PORTAL_BASE_URL", "https://portal.example?x=1"),
    ("PORTAL_BASE_URL", "http://portal.example"),
    ("PORTAL_SECRET_KEY", "x" * 31),
    ("PORTAL_SECRET_KEYS_FORMER", "x" * 31),
    ("PORTAL_SECRET_KEYS_FORMER", "abcdefgh" * 6),
    ("PORTAL_MASTER_KEYS", "k1"),
    ("PORTAL_MASTER_KEYS", "k1:not base64"),
    ("PORTAL_MASTER_KEYS", "k1:" + base64.b64encode(b"short").decode()),
    ("PORTAL_MASTER_KEYS", ":" + base64.b64encode(KEY).decode()),
    ("PORTAL_MASTER_KEYS", f"{MASTER},{MASTER}"),
    ("PORTAL_MASTER_KEYS", ","),
    ("PORTAL_MASTER_KEYS", "clé:" + base64.b64encode(KEY).decode()),
    ("PORTAL_SECRET_KEY", "x" * 48),
    ("PORTAL_SECRET_KEY", "abcdefgh" * 6),
    ("PORTAL_SECRET_KEY", "abcabcab" * 6 + "c"),
    ("PORTAL_MASTER_KEYS", "k1:" + base64.b64encode(bytes(32)).decode()),
    ("PORTAL_MASTER_KEYS", "k1:" + base64.b64encode(b"k" * 32).decode()),
    ("PORTAL_MASTER_KEYS", "k1:" + base64.b64encode(bytes(range(16)) * 2).decode()),
    ("PORTAL_MASTER_KEYS", f"{MASTER},k1:" + base64.b64encode(bytes(32)).decode()),
    ("DATABASE_URL", "postgresql://portal@db.example/portal"),
    ("DATABASE_URL", "postgresql://portal@db.example/portal?sslmode=prefer"),
    ("DATABASE_URL", "postgresql:///portal?host=db.example"),
    ("DATABASE_URL", "postgresql://127.0.0.1,db.example/portal"),
    ("DATABASE_URL", "postgresql://localhost/portal?hostaddr=192.0.2.1"),
    ("DATABASE_URL", "postgresql://portal@db.example/portal?nonsense=1"),
    ("SMTP_URL", "smtp://mail.example"),
    ("SMTP_URL", "smtp://mail.example?starttls=0"),
    ("DATABASE_URL", "sqlite:///portal.db"),
    ("DATABASE_URL", "mysql://db.example/portal"),
    ("SMTP_URL", "mail.example"),
    ("SMTP_URL", "https://mail.example"),
    ("SMTP_URL", "smtp://"),
    ("SMTP_URL", "smtp://[::1"),
    ("MAIL_FROM", "portal"),
    ("PORTAL_TRUSTED_PROXIES", "-1"),
    ("PORTAL_TRUSTED_PROXIES", "one"),
    ("PORTAL_LOG_LEVEL", "loud"),
    ("PORTAL_METRICS_TOKEN", "x7Kq2Wm5Yt1Xc4Rb7Nd0Lf3vZ8Pq9Ws"),
    ("PORTAL_METRICS_TOKEN", "abcdefgh" * 5),
    ("PORTAL_METRICS_TOKEN", "vZ8Kq2Wm5Yt1Xc4Rb7Nd0Lf3x7Kq2Wm5,short"),
    ("PORTAL_METRICS_WORKER", "9464"),
    ("PAYPAL_LIVE_URL", "http://127.0.0.1:5001"),
    ("PAYPAL_SANDBOX_URL", "http://127.0.0.1:5001"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_setting_is_named(name, value):
    found = problems(**{name: value})
    assert len(found) == 1
    assert name in found[0]


@pytest.mark.parametrize(
    ("name", "value", "allowed_by", "host"),
    [
        ("SMTP_URL", "smtp://mail.example:25", "PORTAL_ALLOW_PLAIN_SMTP", "mail.example"),
        ("DATABASE_URL", "postgresql://portal@db.example/portal", "PORTAL_ALLOW_PLAIN_DATABASE", "db.example"),
    ],
)
def test_a_plain_way_to_another_machine_is_allowed_only_by_naming_it(name, value, allowed_by, host):
    (problem,) = problems(**{name: value})
    assert f"{allowed_by}={host}" in problem
    assert problems(**{name: value, allowed_by: "other.example"}) == [problem]
    assert problems(**{name: value, allowed_by: "1"}) == [problem]
    Config.from_env({**PRODUCTION, name: value, allowed_by: f"other.example, {host}"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "smtps://mail.example"),
        ("SMTP_URL", "smtp://127.0.0.1:25"),
        ("SMTP_URL", "smtp://[::1]:25"),
        ("DATABASE_URL", "postgresql:///portal?host=/run/postgresql"),
        ("DATABASE_URL", "postgresql:///portal"),
        ("DATABASE_URL", "postgresql://localhost:5433/portal"),
        ("DATABASE_URL", "postgresql://127.0.0.1,[::1]/portal"),
        ("DATABASE_URL", "postgres://db.example/portal?sslmode=verify-full"),
    ],
)
def test_what_stays_on_the_machine_or_is_encrypted_needs_no_leave(name, value):
    Config.from_env({**PRODUCTION, name: value})


def test_the_database_library_s_own_variables_count_too():
    env = {**PRODUCTION, "DATABASE_URL": "postgresql:///portal"}
    Config.from_env({**env, "PGHOST": "db.example", "PGSSLMODE": "require"})
    with pytest.raises(BadConfig, match=r"db\.example without TLS"):
        Config.from_env({**env, "PGHOST": "db.example"})


def test_every_bad_setting_is_named_at_once():
    bad = dict(BAD)
    named = " ".join(problems(**bad))
    assert [name for name in bad if name not in named] == []


FROM_FILE = {name: value for name, value in PRODUCTION.items() if name != "PORTAL_MASTER_KEYS"}


def key_file(folder: Path, content: bytes, mode: int = 0o400) -> str:
    path = folder / "master-keys"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("content", [f"{MASTER}\n{OLD}\n", f"{MASTER},{OLD}", f"\r\n {MASTER} ,\r\n{OLD}"])
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440])
def test_the_master_keys_may_come_from_a_file(tmp_path, content, mode):
    env = {**FROM_FILE, "PORTAL_MASTER_KEYS_FILE": key_file(tmp_path, content.encode(), mode)}
    assert Config.from_env(env).master_keys == (("k2", KEY), ("k1", OLD_KEY))


@pytest.mark.parametrize("mode", [0o404, 0o444, 0o644, 0o402, 0o420, 0o401])
def test_a_file_of_keys_that_others_can_open_is_refused(tmp_path, mode):
    with pytest.raises(BadConfig) as refusal:
        Config.from_env({**FROM_FILE, "PORTAL_MASTER_KEYS_FILE": key_file(tmp_path, MASTER.encode(), mode)})
    (problem,) = refusal.value.problems
    assert "chmod 400" in problem
    assert MASTER[3:] not in problem


@pytest.mark.parametrize(
    "content", [b"", b" \n\n", b"\xff\xfe", b"k1", b"k1:c2VjcmV0", b"x" * 70_000, f"{MASTER}\n{MASTER}".encode()]
)
def test_a_bad_file_of_keys_is_named_and_not_repeated(tmp_path, content):
    with pytest.raises(BadConfig) as refusal:
        Config.from_env({**FROM_FILE, "PORTAL_MASTER_KEYS_FILE": key_file(tmp_path, content)})
    (problem,) = refusal.value.problems
    assert problem.startswith("PORTAL_MASTER_KEYS_FILE")
    assert "c2VjcmV0" not in problem


def test_a_file_of_keys_that_is_not_there(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadConfig, match=r"PORTAL_MASTER_KEYS_FILE: .* cannot be read"):
            Config.from_env({**FROM_FILE, "PORTAL_MASTER_KEYS_FILE": str(path)})


def test_keys_come_from_one_place(tmp_path):
    (problem,) = problems(PORTAL_MASTER_KEYS_FILE=key_file(tmp_path, MASTER.encode()))
    assert problem == "PORTAL_MASTER_KEYS and PORTAL_MASTER_KEYS_FILE are both given: only one may be"
    blank = Config.from_env({**PRODUCTION, "PORTAL_MASTER_KEYS_FILE": " "})
    assert blank.master_keys == (("k2", KEY),)


def test_a_mistake_in_a_secret_is_not_repeated_in_the_message():
    found = " ".join(
        problems(PORTAL_SECRET_KEY="tooshort-3141", PORTAL_MASTER_KEYS="k1:c2VjcmV0", SMTP_URL="x:hunter2@y")
    )
    for secret in ("tooshort-3141", "c2VjcmV0", "hunter2"):
        assert secret not in found
    assert "opensesame" not in " ".join(problems(DATABASE_URL="mysql://portal:opensesame@db.example/portal"))


def test_no_secret_is_printed():
    config = Config.from_env(PRODUCTION)
    for printed in (repr(config), str(config), f"{config}"):
        for secret in (SECRET, "hunter2", "opensesame", MASTER[3:], repr(KEY)):
            assert secret not in printed
    assert "https://portal.example" in repr(config)


@pytest.mark.parametrize("environment", ["demo", "test"])
def test_only_the_demo_and_the_tests_may_pretend(environment):
    config = Config.from_env(
        {
            **PRODUCTION,
            "PORTAL_ENV": environment,
            "PORTAL_BASE_URL": "http://127.0.0.1:5000/",
            "PAYPAL_SANDBOX_URL": "http://127.0.0.1:5001/",
        }
    )
    assert config.is_pretend is True
    assert config.is_https is False
    assert config.base_url == "http://127.0.0.1:5000"
    assert config.paypal_urls["sandbox"] == "http://127.0.0.1:5001"
    assert config.paypal_urls["live"] == "https://api-m.paypal.com"


def test_a_setting_does_not_change_after_the_start():
    config = Config.from_env(PRODUCTION)
    with pytest.raises(FrozenInstanceError):
        config.environment = "demo"
    with pytest.raises(TypeError):
        config.paypal_urls["live"] = "http://127.0.0.1:5001"


def test_every_setting_stands_in_the_table_of_the_readme_and_the_other_way_round():
    root = Path(__file__).resolve().parents[1]
    code = [root / "config.py", root / "gunicorn.conf.py", *(root / "portal").rglob("*.py")]
    named = {
        name
        for file in code
        if "demo" not in file.parts
        for name in re.findall(
            r'"((?:PORTAL|PAYPAL|SMTP|DATABASE|WEB)_[A-Z_]+|MAIL_(?:FROM|BOUNCE_ADDRESS)|PASSWORD_BREACH_URL)"',
            file.read_text("utf-8"),
        )
    }
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (root / "README.md").read_text("utf-8"), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"[A-Z_]+", row)} == named


@pytest.mark.parametrize("address", ["", "rebond@portal.example", "r.e-b_o=1@mail.portal.example"])
def test_mails_may_have_an_address_to_come_back_to(address):
    assert Config.from_env({**PRODUCTION, "MAIL_BOUNCE_ADDRESS": address}).bounce_address == address


@pytest.mark.parametrize(
    "address",
    [
        "rebond",
        "@x.example",
        "rebond@",
        "Portal <r@x.example>",
        "a+b@x.example",
        "é@x.example",
        "a" * 20 + "@x.example",
    ],
)
def test_an_address_that_cannot_carry_a_token_is_named(address):
    assert problems(MAIL_BOUNCE_ADDRESS=address)[0].startswith("MAIL_BOUNCE_ADDRESS ")


@pytest.mark.parametrize("url", ["", "https://api.pwnedpasswords.com/range/"])
def test_a_list_of_stolen_passwords_may_be_asked(url):
    assert Config.from_env({**PRODUCTION, "PASSWORD_BREACH_URL": url}).breach_list_url == url


@pytest.mark.parametrize("url", ["http://list.example/range/", "https://list.example/range", "range/"])
def test_a_list_that_is_none_is_named(url):
    assert problems(PASSWORD_BREACH_URL=url)[0].startswith("PASSWORD_BREACH_URL ")


def test_a_direct_way_says_that_the_other_one_leads_through_a_pooler():
    pooled, direct = "postgresql://portal@127.0.0.1:6432/portal", "postgresql://portal@127.0.0.1/portal"
    config = Config.from_env({**PRODUCTION, "DATABASE_URL": pooled, "DATABASE_DIRECT_URL": direct})
    assert (config.database_url, config.database_direct_url) == (pooled, direct)
    assert Config.from_env(PRODUCTION).database_direct_url is None
    assert "same" in problems(DATABASE_URL=direct, DATABASE_DIRECT_URL=direct)[0]
    assert "needs DATABASE_URL" in problems(DATABASE_URL=None, DATABASE_DIRECT_URL=direct)[0]
    assert "TLS" in problems(DATABASE_DIRECT_URL="postgresql://portal@db.example/portal")[0]
    assert "opensesame" not in repr(
        Config.from_env({**PRODUCTION, "DATABASE_DIRECT_URL": direct + "?password=opensesame"})
    )
