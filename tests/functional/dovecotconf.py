# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A Dovecot's configuration, in the language of its version: that of 2.3, or that of 2.4.

    language = language_of(binary)                                  asks the program
    language.configuration(directory=..., pop3_port=..., ...)       dovecot.conf
    language.user(name, password, owner, home, "maildir")           a line of its passwd-file
"""

import re
import subprocess

# A mailbox of each format, relative to its user's home directory.
FORMATS = {
    "maildir": {"driver": "maildir", "path": "~/Maildir"},
    "mbox": {"driver": "mbox", "path": "~/mail", "inbox_path": "~/inbox"},
    "sdbox": {"driver": "sdbox", "path": "~/sdbox"},
}

COMMON = """
protocols = pop3
listen = 127.0.0.1
base_dir = {directory}/run
state_dir = {directory}/run
instance_name = popfetch-test-{pid}
log_path = {directory}/log
auth_mechanisms = plain login scram-sha-256
auth_failure_delay = 0 secs
mail_fsync = never
mail_max_userip_connections = 100
ssl = yes
ssl_min_protocol = TLSv1.2
pop3_no_flag_updates = no
mbox_write_locks = fcntl
mbox_lock_timeout = 10 secs
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
default_process_limit = 64
default_client_limit = 500
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service pop3-login {{
  chroot =
  {sessions_a_process} = {unlimited}
  process_min_avail = 1
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = {pop3s_port}
    ssl = yes
  }}
}}
"""

# Sessions of one kind cost the server the same each time, and little. (Without any element 2.4.5
# fails after the login.)
STEADY = """
pop3_no_flag_updates = yes
login_log_format_elements = somebody
mail_log_prefix = "{service_name}: "
service pop3 {{
  {sessions_a_process} = {unlimited}
  process_min_avail = 4
}}
"""


class Language:
    """What is said alike in all versions, with the words that are not."""

    HEAD = OWN = ""
    WORDS = {}

    def configuration(self, steady=False, **values):
        text = self.HEAD + COMMON + (STEADY if steady else "") + self.OWN
        return text.format(**self.WORDS, **values)

    def user(self, name, password, owner, home, kind):
        fields = " ".join(self.location(FORMATS[kind]))
        return f"{name}:{password}:{owner.pw_uid}:{owner.pw_gid}::{home}::{fields}\n"


class Language23(Language):
    WORDS = {"sessions_a_process": "service_count", "unlimited": "0", "service_name": "%s"}
    OWN = """
disable_plaintext_auth = no
ssl_cert = <{certificate}
ssl_key = <{key}
pop3_uidl_format = %08Xu%08Xv
passdb {{
  driver = passwd-file
  args = scheme=plain username_format=%u {directory}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {directory}/users
}}
"""

    @staticmethod
    def location(mailbox):
        inbox = f":INBOX={mailbox['inbox_path']}" if "inbox_path" in mailbox else ""
        yield f"userdb_mail={mailbox['driver']}:{mailbox['path']}{inbox}"


class Language24(Language):
    # Later versions of 2.4 read what is said in 2.4.0.
    HEAD = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
"""
    WORDS = {
        "sessions_a_process": "restart_request_count",
        "unlimited": "unlimited",
        "service_name": "%{service}",
    }
    OWN = """
auth_allow_cleartext = yes
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
pop3_uidl_format = %{{uid | hex(8) | upper}}%{{uidvalidity | hex(8) | upper}}
passdb passwd-file {{
  passwd_file_path = {directory}/users
  default_password_scheme = plain
}}
userdb passwd-file {{
  passwd_file_path = {directory}/users
}}
"""

    @staticmethod
    def location(mailbox):
        for name, value in mailbox.items():
            yield f"userdb_mail_{name}={value}"


def version_of(binary):
    """(2, 3) of "2.3.19.1 (9b53102964)"."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True)
    found = re.match(r"(\d+)\.(\d+)", done.stdout)
    if not found:
        raise RuntimeError(f"'{binary} --version' says: {done.stdout}{done.stderr}")
    return int(found[1]), int(found[2])


def language_of(binary):
    version = version_of(binary)
    if version < (2, 3):
        raise RuntimeError("Dovecot %d.%d is too old, 2.3 is needed" % version)
    return Language23() if version == (2, 3) else Language24()
