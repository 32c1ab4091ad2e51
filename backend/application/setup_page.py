"""`/setup`: the page behind the one-time link of the first start, a form in both languages."""

import html
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from backend.application.headers import content_security_policy
from backend.application.origin import address_of, check_origin
from backend.application.web_process import WebProcess
from backend.core.errors import KilowiseError
from backend.core.texts import LOCALES, text
from backend.service.people.first_start import set_up

MAX_FORM = 4_000
STYLE = (
    "body{font:1rem/1.5 system-ui;margin:2rem auto;max-width:26rem;padding:0 1rem}"
    "input,button{font:inherit;display:block;width:100%;box-sizing:border-box;padding:.6rem;"
    "margin:.3rem 0 1rem}[aria-pressed]{margin-top:-.7rem}[aria-pressed=true]{font-weight:700}"
)
SHOW = (
    "const [button]=document.getElementsByTagName('button');button.onclick=()=>{"
    "const shown=button.ariaPressed!=='true';button.ariaPressed=shown;"
    "document.forms[0].password.type=shown?'text':'password'}"
)
"""The first button shows what is typed as the password, and hides it again."""
POLICY = content_security_policy(
    [f"'sha256-{b64encode(sha256(SHOW.encode()).digest()).decode()}'"],
)


@dataclass(frozen=True, slots=True)
class SetupPage:
    """Shows the form and makes the first person."""

    process: WebProcess

    async def show(self, request: Request) -> Response:
        """Answer the form; whether the token is good shows when it is sent."""
        return _page(request.query_params.get("token", ""))

    async def take(self, request: Request) -> Response:
        """Make the first person and go on to the app; else the form again with what is wrong."""
        token = ""
        try:
            check_origin(self.process, request)
            form = await _form(request)
            token = form.get("token", "")
            await self.process.sign_in.throttle.count("/setup", address_of(request))
            platform = self.process.platform
            await set_up(
                platform.database,
                platform.clock,
                self.process.sign_in.passwords,
                token,
                form.get("login", ""),
                form.get("password", ""),
            )
        except KilowiseError as error:
            return _page(token, error)
        return RedirectResponse("/", 303)


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            break
    fields = parse_qs(body[:MAX_FORM].decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _page(token: str, error: KilowiseError | None = None) -> Response:
    def say(key: str) -> str:
        return " / ".join(html.escape(text(locale, key)) for locale in LOCALES)

    told = ""
    if error is not None:
        parts = [
            text(locale, key, {k: v for k, v in error.params.items() if v is not None})
            for locale in LOCALES
            for key in (error.text_key, error.next_key)
        ]
        told = f'<p role="alert">{html.escape(" ".join(parts))}</p>'
    content = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="/icons/icon.svg">'
        f"<title>Kilowise</title><style>{STYLE}</style><h1>Kilowise</h1>"
        f"<p>{say('setup.why')}</p>{told}<form method=post action=/setup>"
        f'<input type=hidden name=token value="{html.escape(token)}">'
        f"<label>{say('setup.login')}<input name=login required autocomplete=username></label>"
        f"<label>{say('setup.password')}<input name=password type=password required minlength=12"
        f" autocomplete=new-password></label><button type=button aria-pressed=false>"
        f"{say('signin.show')}</button><button>{say('setup.go')}</button></form>"
        f"<script>{SHOW}</script></html>"
    )
    headers = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": POLICY,
    }
    return HTMLResponse(content, 200 if error is None else error.status, headers)
