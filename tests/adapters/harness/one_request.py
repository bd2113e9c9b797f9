"""A harness of verifiers that asks the model once, in its own process, for the tests."""

from __future__ import annotations

from typing import Any

import httpx
import verifiers.v1 as vf

__all__ = ["OneRequest"]


class OneRequestConfig(vf.HarnessConfig):
    """Nothing to configure."""


class OneRequest(vf.Harness[OneRequestConfig]):
    """Sends the prompt, and is done."""

    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: Any,
        trace: Any,
        runtime: Any,
        endpoint: str,
        secret: str,
        mcp_urls: Any,
        data: Any,
    ) -> Any:
        """Ask once."""
        _, prompt = self.resolve_prompt(data)
        body = {"model": ctx.model, "messages": [{"role": "user", "content": prompt}]}
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.post(
                f"{endpoint}/chat/completions",
                json=body,
                headers={"authorization": f"Bearer {secret}"},
            )
        answer.raise_for_status()
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")
