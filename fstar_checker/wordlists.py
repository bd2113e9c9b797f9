"""The names that the policy knows: escape hatches, metaprogramming, and the tactics that are safe.

Lists of what F* 0.9.7 and later releases call by these names; the policy says what follows from
each.
"""

from __future__ import annotations

from aludel.fstar_checker.lexer import words

ADMIT_NAMES = words(
    """__ admit admitP admit_ admit1 admit_all admit_dump admit_dump_t admit_smt_queries
    admit_termination assume_ assume_safe drop_ fadmit magic magicP magic_ magic_dump
    magic_dump_t smt_admit tadmit tadmit_t tadmit_all unsafe_coerce"""
)
"""Identifiers that prove or coerce anything.

``__`` is ``FStar.Tactics.PatternMatching.__ : #t:Type -> t``, assumed.
"""

ADMIT_ATTRIBUTES = words(
    """expect_failure expect_lax_failure admit_termination fail fail_lax assume_strictly_positive
    top_level_effect"""
)

TACTIC_ENTRIES = words(
    """assert_by_tactic by_tactic by_tactic_seman postprocess_for_extraction_with postprocess_with
    postprocess_type preprocess_with rewrite_with_tactic run_tactic squash_by_tactic synth_by_tactic
    with_tactic pack pack_ln pack_fv pack_sigelt pack_comp unquote unsafe_tac_exec launch_process
    set_guard_policy with_policy set_options reflect reify splice splice_quals t_exact t_apply
    set_goals set_smt_goals topdown_rewrite t_pointwise unshelve tac_return handle_smt_goals
    resolve_implicits override_resolve_implicits_handler unfold_with_tactic
    unfold_rewrite_with_tactic"""
)
"""Names that run a metaprogram outside ``by (...)``, or make terms or goals from data."""

OURS = "aludel_"
"""How the names of our own probes begin: a candidate that takes one would make a probe fail."""

UNSAFE_TACTICS = TACTIC_ENTRIES | words(
    """addns binder_retype catch change change_with commute_applied_match curms
    cur_goal cur_env discard dismiss divide dup exact_args exact_guard exact_n exact_with_ref
    fail ghost_admit goals guards_to_smt inspect inspect_ln join lget lset lookup_typ mk_e_app
    new_axiom prune push_binder push_goal rewrite_eqs_from_context recover refine_intro replace_in
    smt_goals skip_guard t_destruct t_smt_sync tc tcc tcut term_eq_old top_env topdown
    unify unify_env uvar_env with_compat_pre_core"""
)
"""Tactics that no variable inside ``by (...)`` may be called after."""

SAFE_TACTICS = words(
    """apply apply_lemma assumption branch clear clear_top compute cut destruct dump exact
    exists_intro explode flip focus
    forall_intro forall_intro_as forall_intros idtac implies_intro implies_intros intro intros
    iterAll iterAllSMT later left lor_elim mapply l_intro l_intros l_to_r norm nbe nth_binder
    or_else
    pointwise qed rename_to repeat repeat1 repeatn rewrite revert right seq simpl smt split
    t_trivial
    tlabel trefl trivial trivial' try_with try_rewrite_equality rewrite_all_equalities
    unfold_def whnf grewrite canon_semiring canon_semiring_with canon_monoid int_cr int_semiring
    tcresolve delta delta_only delta_fully delta_attr delta_namespace delta_unfold delta_qualifier
    hnf iota nbe primops simplify weak zeta zeta_full unascribe unmeta"""
)
"""Tactics and normalisation steps that only transform goals which F* then checks."""

ALLOWED_QUALIFIERS = frozenset(("inline_for_extraction", "noextract", "unfold"))
ALLOWED_ATTRIBUTES = frozenset(("inline_let",))
MODULE_ATTRIBUTES = ALLOWED_ATTRIBUTES | words(
    """rename_let deprecated opaque_to_smt strict_on_arguments unifier_hint_injective erasable
    must_erase_for_extraction tcclass tcinstance tcnorm noextract_to CInline Substitute
    PpxDerivingShow PpxDerivingShowConstant PpxDerivingYoJson Comment CPrologue CEpilogue CConst
    CCConv CAbstractStruct CIfDef CMacro CNoInline Gc KrmlPrivate c_inline substitute
    no_auto_projectors no_auto_projectors_decls"""
)
"""Attributes of a whole module's declarations: about extraction, unfolding and inference only."""

EFFECT_DEFINITIONS = words(
    """new_effect sub_effect layered_effect polymonadic_bind polymonadic_subcomp"""
)
"""Declarations by which a module could state that an effect of its own proves what it does not."""
