"""Examples shown in the OpenAPI document; a test sends each of them."""

from __future__ import annotations

from fastapi.openapi.models import Example

_SWAP = {
    "context": {"prover": "lean", "imports": ["Init"]},
    "statement": "theorem swap (a b : Nat) : a + b = b + a",
    "code": "theorem swap (a b : Nat) : a + b = b + a := Nat.add_comm a b",
}

CHECK_EXAMPLES: dict[str, Example] = {
    "one": {"summary": "One candidate with the statement it must prove", "value": _SWAP},
    "batch": {
        "summary": "A batch, with labels of the client's own",
        "value": {
            "requests": [
                {**_SWAP, "metadata": {"sample": "0"}},
                {
                    "code": "theorem two : 1 + 1 = 2 := rfl",
                    "budget": {"wall_s": 10},
                    "metadata": {"sample": "1"},
                },
            ]
        },
    },
}

MUTATION_EXAMPLES: dict[str, Example] = {
    "pattern": {
        "summary": "Up to 50 variants of the theorems about Nat",
        "value": {"pattern": "Nat.*", "limit": 50, "imports": ["Init"], "lemmas": None, "seed": 0},
    },
    "options": {
        "summary": "Three rounds with all operations, vacuous and trivial variants left out",
        "value": {
            "pattern": "List.*",
            "rules": ["rw", "apply", "forward"],
            "conditional": True,
            "rounds": 3,
            "round_targets": 20,
            "filters": ["duplicate", "vacuous", "trivial", "overlap"],
            "avoid": ["theorem quiz (l : List Nat) : l ++ [] = l"],
        },
    },
    "statement": {
        "summary": "A theorem of your own, rewritten with at most 500 attempts",
        "value": {
            "statement": "theorem mine (a b : Nat) : a + b = b + a := Nat.add_comm a b",
            "max_attempts": 500,
            "screen_budget": 1000,
            "shard": [1, 1],
        },
    },
}

ATTEMPT_EXAMPLES: dict[str, Example] = {
    "portfolio": {
        "summary": "Standard tactics on two theorems",
        "value": {
            "problems": [
                {"name": "swap", "statement": "theorem swap (a b : Nat) : a + b = b + a"},
                {"name": "two", "statement": "theorem two : 1 + 1 = 2", "imports": ["Init"]},
            ],
            "options": {"samples": 4},
        },
    },
    "search": {
        "summary": "A search over tactics, for at most ten seconds a theorem",
        "value": {
            "problems": [
                {"name": "swap", "statement": "theorem swap (a b : Nat) : a + b = b + a"},
            ],
            "generator": {"kind": "portfolio"},
            "options": {"search": "best_first", "budget": {"seconds": 10, "tactics": 200}},
        },
    },
    "fstar": {
        "summary": "A definition of F*, as PoPAI publishes it",
        "value": {
            "fstar": {
                "definitions": [
                    {
                        "name": "Sample.double",
                        "file_name": "Sample.fst",
                        "source_type": "val double: x:nat -> Tot nat",
                        "is_simply_typed": True,
                    }
                ],
                "similar": 3,
            },
            "options": {"samples": 2},
        },
    },
}

EXPORT_EXAMPLES: dict[str, Example] = {
    "split": {
        "summary": "Variants for training, families kept whole",
        "value": {
            "name": "variants-1",
            "recipes": ["variants", "whole_proof"],
            "formats": ["jsonl", "parquet"],
            "split": "lineage",
            "seed": 1,
        },
    },
}

RETRY_EXAMPLES: dict[str, Example] = {
    "longer": {"summary": "Ten minutes for each", "value": {"budget": {"wall_s": 600}}},
}

GOAL_EXAMPLES: dict[str, Example] = {
    "statement": {
        "summary": "A proof to be made step by step",
        "value": {
            "context": {"prover": "lean", "imports": ["Init"]},
            "statement": "theorem both (p q : Prop) (h : p ∧ q) : q ∧ p",
        },
    },
    "replay": {
        "summary": "An ended session, replayed",
        "value": {
            "statement": "theorem both (p q : Prop) (h : p ∧ q) : q ∧ p",
            "tactics": ["constructor"],
            "ttl_s": 60,
        },
    },
}

STEP_EXAMPLES: dict[str, Example] = {
    "tries": {
        "summary": "Two tactics tried on the first state",
        "value": {"state": 0, "tactics": ["constructor", "exact ⟨h.2, h.1⟩"]},
    },
}

DISPROOF_EXAMPLES: dict[str, Example] = {
    "false": {
        "summary": "A statement that small values refute",
        "value": {"statement": "theorem t (a b : Nat) : a - b + b = a"},
    },
}

KIMINA_CHECK_EXAMPLES: dict[str, Example] = {
    "snippet": {
        "summary": "A snippet as kimina-lean-server's documentation shows it",
        "value": {"snippets": [{"id": "check-nat-test", "code": "#check Nat"}]},
    },
}

KIMINA_VERIFY_EXAMPLES: dict[str, Example] = {
    "code": {
        "summary": "A code as kimina-lean-server's documentation shows it",
        "value": {
            "codes": [{"custom_id": "1234", "proof": "#check Nat"}],
            "infotree_type": "original",
        },
    },
}

OPENRLHF_EXAMPLES: dict[str, Example] = {
    "sample": {
        "summary": "A sample as OpenRLHF sends it",
        "value": {
            "query": ["<s>Prove it.<|assistant|>```lean\ntheorem two : 1 + 1 = 2 := rfl\n```</s>"],
            "prompts": ["<s>Prove it.<|assistant|>"],
            "labels": ["theorem two : 1 + 1 = 2"],
        },
    },
}

NEMO_GYM_EXAMPLES: dict[str, Example] = {
    "row": {
        "summary": "A row of a data set, and the response to it",
        "value": {
            "responses_create_params": {"input": [{"role": "user", "content": "Prove it."}]},
            "statement": "theorem two : 1 + 1 = 2",
            "response": {
                "id": "resp_1",
                "object": "response",
                "created_at": 1,
                "model": "prover",
                "parallel_tool_calls": True,
                "tool_choice": "auto",
                "tools": [],
                "output": [
                    {
                        "id": "msg_1",
                        "type": "message",
                        "role": "assistant",
                        "status": "completed",
                        "content": [
                            {
                                "type": "output_text",
                                "text": "```lean\ntheorem two : 1 + 1 = 2 := rfl\n```",
                                "annotations": [],
                            }
                        ],
                    }
                ],
            },
        },
    },
}

AUDIT_EXAMPLES: dict[str, Example] = {
    "two": {
        "summary": "A statement that says nothing, and one that is no statement",
        "value": {
            "problems": [
                {
                    "name": "vacuous",
                    "statement": "theorem t (a b : Nat) (h : a < b) (k : b < a) : a = 7",
                },
                {"name": "none", "statement": "def f := 1"},
            ]
        },
    }
}

# `theorem same : ∀ (a : Prop) (a : a), a`, as lean4export writes it.
EXPORT_EXAMPLE = """\
{"meta":{"exporter":{"name":"lean4export","version":"3.1.0"},"format":{"version":"3.1.0"}}}
{"str":{"pre":0,"str":"same"},"in":1}
{"str":{"pre":0,"str":"a"},"in":2}
{"sort":0,"ie":0}
{"bvar":0,"ie":1}
{"bvar":1,"ie":2}
{"forallE":{"name":2,"type":1,"body":2,"binderInfo":"default"},"ie":3}
{"forallE":{"name":2,"type":0,"body":3,"binderInfo":"default"},"ie":4}
{"lam":{"name":2,"type":1,"body":1,"binderInfo":"default"},"ie":5}
{"lam":{"name":2,"type":0,"body":5,"binderInfo":"default"},"ie":6}
{"thm":{"name":1,"levelParams":[],"type":4,"value":6,"all":[1]}}
"""

COMPARE_EXAMPLES: dict[str, Example] = {
    "one": {
        "summary": "A theorem that may rest on no axiom",
        "value": {
            "challenge": EXPORT_EXAMPLE,
            "solution": EXPORT_EXAMPLE,
            "theorems": ["same"],
            "axioms": [],
        },
    }
}

SEARCH_EXAMPLES: dict[str, Example] = {
    "pattern": {
        "summary": "Lemmas in which a pattern stands",
        "value": {"pattern": "List.length (?a ++ ?b)", "count": 5},
    },
    "proves": {
        "summary": "Lemmas that apply to a goal, those that leave least first",
        "value": {"proves": "n m : Nat\nh : n < m\n⊢ n ≤ m", "imports": ["Init"]},
    },
    "words": {
        "summary": "Lemmas by words, among those with a name like it",
        "value": {"words": "commutative multiplication", "name": "Nat.*", "count": 3},
    },
}
