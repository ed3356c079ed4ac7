//! `decide`: the way from a request to a decision. Owns the artifact, the registry, the rules and what is remembered of conversations and
//! latencies; sends nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::aliases::Alias;
use super::brain::{Ask, Brain};
use super::curve;
use super::decision::Decision;
use super::dial::Dial;
use super::history::SharedHistory;
use super::holding::Held;
use super::kept_prompt::{KeepOfPrompts, KeptPrompt};
use super::latency::{Expectations, Latencies};
use super::models_asked::{ModelAsked, Names};
use super::overrides::{Overrides, Served};
use super::route_error::RouteError;
use super::rules::{ArchetypeConfig, Effect, RouteConfig, RuleConfig, RuleError, UserRules};
use super::select::{Chosen, Live, Terms, select};
use super::session_news::SessionNews;
use super::sessions::{SessionKey, Sessions};
use super::token_estimate::Family;
use super::{Bounds, History, NoCandidate, Registry, Requirements, RouterConfig, Signals, Strategy};
use crate::chat::{ChatRequest, Part, Role};
use crate::classifier::{CostQualityCurve, SpaceName};
use crate::prompt::{self, UserWords};

/// Joins prompt reading, embedding, classification and selection.
pub struct Router {
    brain: Brain,
    pub(super) registry: Arc<Registry>,
    pub(super) config: RouterConfig,
    pub(super) rules: UserRules,
    curve: Option<CostQualityCurve>,
    history: SharedHistory,
    sessions: Sessions,
    latencies: Latencies,
    keeps: KeepOfPrompts,
    space: SpaceName,
}

impl Router {
    /// Puts a router together.
    pub fn new(brain: Brain, registry: Arc<Registry>, config: RouterConfig) -> Self {
        let sessions = Sessions::new(config.sessions);
        let space = brain.feature_space();
        let curve = curve::draw(brain.classifier(), &registry);
        Self {
            brain,
            registry,
            config,
            rules: UserRules::default(),
            curve,
            history: SharedHistory::default(),
            sessions,
            latencies: Latencies::default(),
            keeps: KeepOfPrompts::default(),
            space,
        }
    }

    /// With rules, routes and archetypes, which are checked, and fitted where they have utterances.
    pub fn with_rules(
        mut self,
        rules: &[RuleConfig],
        routes: &[RouteConfig],
        archetypes: &[ArchetypeConfig],
    ) -> Result<Self, RuleError> {
        self.rules = UserRules::read(rules, routes, archetypes, &self.registry, &self.brain)?;
        let needs = |strategy: Option<Strategy>| strategy == Some(Strategy::Semantic);
        let asks = needs(Some(self.config.strategy))
            || rules.iter().any(|rule| needs(rule.strategy))
            || routes.iter().any(|route| needs(route.strategy));
        if asks && !self.rules.has_archetypes() {
            return Err(RuleError::Wrong("archetypes: the strategy semantic needs at least one".into()));
        }
        Ok(self)
    }

    /// With this much of each prompt in the decisions about it, for a log.
    #[must_use]
    pub fn keeping(mut self, keeps: KeepOfPrompts) -> Self {
        self.keeps = keeps;
        self
    }

    /// Goes on with what another router remembers of conversations, latencies and turns, as after a change of the configuration. Requests
    /// that the other one still serves are learnt from, too.
    #[must_use]
    pub fn remembering(mut self, before: &Self) -> Self {
        if self.config.sessions == before.config.sessions {
            self.sessions = before.sessions.clone();
        }
        self.latencies = before.latencies.clone();
        self.history = before.history.clone();
        // The log that it keeps prompts for is still the same.
        self.keeps = before.keeps;
        self
    }

    /// The models that may be chosen.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The `[router]` table.
    pub fn config(&self) -> &RouterConfig {
        &self.config
    }

    /// The artifact and its embedders.
    pub fn brain(&self) -> &Brain {
        &self.brain
    }

    /// Name and short hash of the artifact.
    pub fn artifact_name(&self) -> &str {
        self.brain.artifact()
    }

    /// Names of the routes that clients may ask for.
    pub fn route_names(&self) -> impl Iterator<Item = &str> {
        self.rules.routes().iter().map(|route| route.name.as_str())
    }

    /// The aliases that clients may ask for by their whole names.
    pub fn alias_names(&self) -> impl Iterator<Item = &str> {
        self.config.aliases.names()
    }

    /// The route that a request's `model` means, if it means one.
    pub fn route_asked(&self, model: &str) -> Option<&RouteConfig> {
        match self.names().read(model).ok()?.0 {
            ModelAsked::Route(route) => self.rules.routes().get(route),
            ModelAsked::Auto(_) | ModelAsked::Named(_) => None,
        }
    }

    /// What a request's `model` may mean.
    pub(super) fn names(&self) -> Names<'_> {
        let (routes, config) = (self.rules.routes(), &self.config);
        Names { registry: &self.registry, routes, aliases: &config.aliases, unknown: &config.unknown_model }
    }

    /// The request headers that some rule reads, in lower case.
    pub fn rule_headers(&self) -> BTreeSet<String> {
        self.rules.headers()
    }

    /// Name and similarity threshold of whatever has utterances.
    pub fn thresholds(&self) -> impl Iterator<Item = (&str, f64)> {
        self.rules.thresholds()
    }

    /// What quality costs on the artifact's validation rows, with the configured models; `None` without such rows.
    pub fn curve(&self) -> Option<&CostQualityCurve> {
        self.curve.as_ref()
    }

    /// The share of the best predicted quality that `balanced` keeps where nobody asks for another.
    pub fn quality_share(&self) -> f64 {
        self.share_of(self.config.dial())
    }

    /// Decides where a request goes. Classifies only when the client leaves the choice to the router.
    pub async fn decide(&self, request: &ChatRequest, overrides: &Overrides) -> Result<Decision, RouteError> {
        // Rules come first: what the operator laid down holds for whatever the client asks. Without rules nobody reads the words of a request
        // that names its model.
        let words = if self.rules.are_any() { prompt::user_words(request.messages()) } else { None };
        let text = words.as_ref().map_or("", |words| &*words.text);
        let rule = self.rules.first_match(request, text, &overrides.caller, &self.brain).await?;
        if let Some((name, rule)) = rule.as_ref().and_then(|rule| Some((rule.bypass.as_ref()?, &rule.rule))) {
            let reason = format!("the rule {rule:?} sends it to {name}");
            // Not even its fallbacks: a rule that keeps something in the house names the house.
            let decided = self.as_asked(name, Some(std::slice::from_ref(name)), request, overrides, reason);
            return decided.map_err(|error| error.by_rule(rule));
        }
        let (asked, alias) =
            self.names().read(request.model()).map_err(|error| error.within(&overrides.caller.scope))?;
        let only = rule.as_ref().and_then(|rule| rule.models.as_deref());
        let overruled = |name: &String| {
            only.is_some_and(|models| !models.contains(name))
                || rule.as_ref().is_some_and(|rule| rule.strategy.is_some())
        };
        let by_alias = |alias: Alias<'_>| format!("{} is an alias of {}", alias.name, alias.target);
        let (asked, alias) = match asked {
            ModelAsked::Named(name) if overruled(&name) => (ModelAsked::Auto(None), None),
            asked => (asked, alias.map(by_alias)),
        };
        if let ModelAsked::Named(name) = asked {
            let reason = match alias {
                Some(by_alias) => by_alias,
                None if name == request.model() => format!("the client asked for {name}"),
                None => format!("the model asked for is not configured, and such requests go to {name}"),
            };
            // A name that the client did not write is no choice of the client's, so the bounds on places hold for it and its fallbacks.
            if name != request.model() {
                let within = self.within_places(&name, only, overrides)?;
                return self.as_asked(&name, Some(&within), request, overrides, reason);
            }
            return self.as_asked(&name, only, request, overrides, reason);
        }
        let words = if self.rules.are_any() { words } else { prompt::user_words(request.messages()) };
        let mut terms = self.terms(&asked, rule.as_ref(), overrides)?;
        if terms.strategy == Strategy::Semantic {
            if !self.rules.has_archetypes() {
                return Err(RouteError::NoArchetypes);
            }
            let text = words.as_ref().map_or("", |words| &*words.text);
            terms.archetype = self.rules.nearest_archetype(text, &self.brain).await?;
        }
        let session = self.session(request, overrides);
        let (held, left) = self.conversation(request, overrides, session)?;
        terms.bounds.extend(left.map(|left| Bounds { max_cost_usd: Some(left), ..Bounds::default() }));
        let signals = self.read_words(words, request).await?;
        let requirements = Requirements::of(request);
        let Chosen { plan, mut reason, considered, outside } = self
            .choose(&signals, &requirements, &terms, held.as_ref(), overrides.dry_run)
            .map_err(|error| error.within(&overrides.caller.scope))?;
        if let Some(by_alias) = alias {
            reason = format!("{by_alias}: {reason}");
        }
        if let Some(rule) = &rule {
            reason = format!("by the rule {:?}: {reason}", rule.rule);
        }
        if let Some(first) = plan.candidates().first()
            && !overrides.dry_run
        {
            let tokenizer = self.registry.get(&first.model).map_or(Family::Unknown, |model| model.tokenizer);
            let prompt_tokens = requirements.input_tokens.expected(tokenizer);
            self.sessions.note_choice(session, &first.model, signals.complexity_score, prompt_tokens);
        }
        Ok(Decision {
            id: Decision::new_id(),
            signals: Some(signals),
            plan,
            strategy: Some(terms.strategy),
            reason,
            session: Some(session),
            caller: overrides.caller.key.clone(),
            considered,
            outside,
        })
    }

    /// Learns from an answer: how long the model takes, what the conversation has spent and who serves it.
    pub fn learn(&self, decision: &Decision, served: Served<'_>) {
        if let Some(times) = served.times.filter(|_| self.registry.get(served.model).is_some()) {
            self.latencies.learn(served.model, times);
        }
        if let Some(session) = decision.session {
            // What nobody told is counted as it was expected to be; to count nothing would let a conversation run on for ever.
            let cost_usd = served.cost_usd.or_else(|| decision.expected_cost_usd(served.model));
            self.sessions.note_answer(session, served.model, cost_usd.unwrap_or(0.0));
        }
    }

    /// What happened in conversations since the last call. From the first call on it is collected.
    pub fn take_session_news(&self) -> Vec<SessionNews> {
        self.sessions.take_news()
    }

    /// What happened in a conversation elsewhere.
    pub fn note_session_news(&self, news: SessionNews) {
        self.sessions.note_news(news);
    }

    /// Classifies the words of a request, without choosing a model.
    pub async fn read(&self, request: &ChatRequest) -> Result<Signals, RouteError> {
        self.read_words(prompt::user_words(request.messages()), request).await
    }

    /// A request without a word of a user's is served too: what words there are tell what it may be about, and it counts as unknown.
    async fn read_words(&self, words: Option<UserWords<'_>>, request: &ChatRequest) -> Result<Signals, RouteError> {
        let Some(words) = words else {
            if has_attachment(request) {
                return Ok(Signals::of(&self.brain, self.brain.classify("").await?));
            }
            let signals = self.classify(&prompt::last_words(request.messages())).await?;
            return Ok(Signals { known: false, ..signals });
        };
        Ok(Signals { follow_up: words.follow_up, ..self.classify(&words.text).await? })
    }

    /// Classifies words, and keeps of them what the log wants.
    async fn classify(&self, words: &str) -> Result<Signals, RouteError> {
        let (classified, features) = self.brain.classify_with_features(words, Ask::IfUnsure).await?;
        let kept = KeptPrompt::of(words, features, &self.space, self.keeps);
        Ok(Signals { kept, ..Signals::of(&self.brain, classified) })
    }

    fn choose(
        &self,
        signals: &Signals,
        requirements: &Requirements,
        terms: &Terms,
        held: Option<&Held>,
        dry_run: bool,
    ) -> Result<Chosen, NoCandidate> {
        let expectations = self.expectations(terms);
        let choose = |history: &History| {
            let live = Live { history, expectations: expectations.as_ref(), held };
            select(signals, requirements, &self.registry, terms, &self.config, live)
        };
        if !terms.strategy.rules().spreads_load() {
            return choose(&History::default());
        }
        self.history.choose(|history| {
            let chosen = choose(history)?;
            let first = chosen.plan.candidates().first().map(|candidate| candidate.model.clone());
            Ok((chosen, first.filter(|_| !dry_run)))
        })
    }

    /// Looked at only where somebody weighs or bounds time.
    fn expectations(&self, terms: &Terms) -> Option<Expectations> {
        let asked = self.config.latency_weight > 0.0 || terms.bounds.iter().any(|bounds| bounds.max_seconds.is_some());
        asked.then(|| self.latencies.now())
    }

    /// Rule, then request, then route, then configuration, all within what the caller may be given; bounds add up.
    fn terms(&self, asked: &ModelAsked, rule: Option<&Effect>, overrides: &Overrides) -> Result<Terms, RouteError> {
        let in_body = if let ModelAsked::Auto(strategy) = asked { *strategy } else { None };
        let route = if let ModelAsked::Route(route) = asked { self.rules.routes().get(*route) } else { None };
        // A request that turns the dial and names no strategy means the strategy that has one.
        let by_dial = overrides.dial.map(|_| Strategy::Balanced);
        let asked = in_body.or(overrides.strategy).or(by_dial).or(route.and_then(|route| route.strategy));
        let scope = &overrides.caller.scope;
        let strategy = match rule.and_then(|rule| Some((rule, rule.strategy?))) {
            Some((rule, strategy)) => scope
                .strategy(Some(strategy), strategy)
                .map_err(|outside| RouteError::from(outside).by_rule(&rule.rule))?,
            None => scope.strategy(asked, self.config.strategy)?,
        };
        let dial = overrides.dial.or(route.and_then(RouteConfig::dial)).or(self.config.dial());
        let mut bounds = vec![self.config.limits.clone(), overrides.bounds.clone()];
        let only = |models: &Vec<String>| Bounds { models: Some(models.clone()), ..Bounds::default() };
        bounds.extend(route.map(|route| route.limits.clone()));
        bounds.extend(route.and_then(|route| route.models.as_ref()).map(only));
        bounds.extend(rule.and_then(|rule| rule.models.as_ref()).map(only));
        bounds.extend(scope.as_bounds());
        let is_steered = rule.is_some() || overrides.dial.is_some();
        Ok(Terms { strategy, quality_share: self.share_of(dial), bounds, archetype: None, is_steered })
    }

    fn share_of(&self, dial: Option<Dial>) -> f64 {
        dial.map_or(self.config.balanced_quality_share, |dial| dial.share(self.curve.as_ref()))
    }

    pub(super) fn session(&self, request: &ChatRequest, overrides: &Overrides) -> SessionKey {
        SessionKey::of(request, overrides.session.as_deref(), overrides.caller.identity.as_deref())
    }

    /// The model that a conversation has, and what it may still spend. A conversation that was not named and has had no answer yet may be
    /// anybody's who begins with the same words.
    pub(super) fn conversation(
        &self,
        request: &ChatRequest,
        overrides: &Overrides,
        session: SessionKey,
    ) -> Result<(Option<Held>, Option<f64>), RouteError> {
        let (held, spent_usd) = self.sessions.look(&session);
        let answered = request.messages().iter().any(|message| message.role == Role::Assistant);
        let held = held
            .filter(|_| answered || overrides.session.is_some())
            .map(|held| Held { failed_turns: prompt::failed_tool_turns(request.messages()), ..held });
        let left = match overrides.session_budget_usd {
            Some(budget_usd) if spent_usd >= budget_usd => {
                return Err(RouteError::BudgetSpent { spent_usd, budget_usd });
            }
            budget => budget.map(|budget| budget - spent_usd),
        };
        Ok((held, left))
    }
}

fn has_attachment(request: &ChatRequest) -> bool {
    request.messages().iter().flat_map(|message| message.content.parts()).any(|part| !matches!(part, Part::Text(_)))
}
