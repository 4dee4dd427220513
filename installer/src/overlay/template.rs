//! Templates: handlebars, where a value that does not exist is always an error.
//!
//! Strict mode alone lets some such places through, and a misspelt name would silently drop a part of a file:
//! `{{#if missing}}` and `(or missing …)`, which is why `if`, `unless`, `and` and `or` are our own here, and the
//! `{{else}}` of `{{#each missing}}` and `{{#with missing}}`, which we refuse.

use std::collections::BTreeSet;
use std::path::Path;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, PathAndJson, RenderContext,
    RenderError, RenderErrorReason, Renderable, ScopedJson, Template, TemplateErrorReason, no_escape,
};
use serde_json::Value;

use crate::model::problem::{Place, Problem};
use crate::model::suggest;

/// Renders templates with one set of values.
pub(super) struct Templates<'a> {
    context: &'a Value,
}

impl<'a> Templates<'a> {
    pub(super) fn new(context: &'a Value) -> Self {
        Self { context }
    }

    /// The text of the template at `source`.
    ///
    /// # Errors
    /// Where it is not a template, or asks for what does not exist.
    pub(super) fn render(&self, source: &Path, bytes: &[u8]) -> Result<String, Problem> {
        let file = super::shown(source).to_string();
        let text = std::str::from_utf8(bytes).map_err(|_| {
            Problem::anywhere(format!("{file} is not UTF-8"), "write it in UTF-8, or drop the `.hbs`")
        })?;
        let template = Template::compile(text).map_err(|error| {
            let place = place(&file, text, error.pos().unwrap_or((1, 1)));
            Problem::at(
                place,
                syntax_message(error.reason()),
                "see https://handlebarsjs.com for what can be written",
            )
        })?;
        if let Some((name, position)) = block_with_else(&template) {
            let message = format!("`{{{{#{name}}}}}` with `{{{{else}}}}` hides values that do not exist");
            let hint = format!("put `{{{{#if}}}}` around a `{{{{#{name}}}}}` without `{{{{else}}}}`");
            return Err(Problem::at(place(&file, text, position), message, hint));
        }
        self.render_template(template).map_err(|error| {
            let position = error.line_no.zip(error.column_no).unwrap_or((1, 1));
            let (message, hint) = self.explain(&error);
            Problem::at(place(&file, text, position), message, hint)
        })
    }

    fn render_template(&self, template: Template) -> Result<String, RenderError> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(no_escape);
        registry.register_helper("if", Box::new(Conditional { holds: true }));
        registry.register_helper("unless", Box::new(Conditional { holds: false }));
        registry.register_helper("and", Box::new(Junction { all: true }));
        registry.register_helper("or", Box::new(Junction { all: false }));
        registry.register_template("", template);
        registry.render("", self.context)
    }

    /// Message and hint.
    fn explain(&self, error: &RenderError) -> (String, String) {
        match error.reason() {
            RenderErrorReason::MissingVariable(Some(path)) => {
                (format!("there is no value `{path}`"), self.nearest_value(path))
            }
            RenderErrorReason::HelperNotFound(name) => {
                (format!("there is no helper `{name}`"), "a value takes no arguments".to_owned())
            }
            RenderErrorReason::ParamNotFoundForIndex(name, index) => {
                let message = format!("argument {} of `{name}` does not exist", index + 1);
                (message, "look at its spelling".to_owned())
            }
            RenderErrorReason::ParamNotFoundForName(name, _) => {
                (format!("the argument of `{name}` does not exist"), "look at its spelling".to_owned())
            }
            reason => (reason.to_string(), "correct the template".to_owned()),
        }
    }

    /// Something near, or the names at the top: all names below them are too many for a line.
    fn nearest_value(&self, path: &str) -> String {
        let mut paths = BTreeSet::new();
        add_paths("", self.context, &mut paths);
        let hint = suggest::hint(path, "value", paths.iter().map(String::as_str));
        if hint.starts_with("did") {
            return hint;
        }
        suggest::hint(path, "value", paths.iter().map(String::as_str).filter(|path| !path.contains('.')))
    }
}

fn add_paths(above: &str, value: &Value, paths: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        add_paths(&path, value, paths);
        paths.insert(path);
    }
}

fn syntax_message(reason: &TemplateErrorReason) -> String {
    match reason {
        TemplateErrorReason::MismatchingClosedHelper(opened, closed) => {
            format!("`{opened}` is opened, but `{closed}` is closed")
        }
        TemplateErrorReason::InvalidSyntax(what) => format!("this is not a template: {}", what.trim()),
        other => other.to_string(),
    }
}

/// A place from line and column, as wide as the tag that begins there.
fn place(file: &str, text: &str, (line, column): (usize, usize)) -> Place {
    let excerpt = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let marked: String = excerpt.chars().skip(column.saturating_sub(1)).collect();
    let tag = marked.find("}}").map_or(1, |end| marked[..end].chars().count() + 2);
    Place {
        file: file.to_owned(),
        line: line.max(1),
        column: column.max(1),
        width: tag,
        excerpt: excerpt.to_owned(),
    }
}

/// The first `each` or `with` that has an `{{else}}`, with its line and column.
fn block_with_else(template: &Template) -> Option<(&str, (usize, usize))> {
    template.elements.iter().zip(&template.mapping).find_map(|(element, position)| {
        let TemplateElement::HelperBlock(block) = element else { return None };
        let here = hiding_name(block).map(|name| (name, (position.0, position.1)));
        let inside = [&block.template, &block.inverse].into_iter().flatten();
        here.or_else(|| inside.into_iter().find_map(block_with_else))
    })
}

fn hiding_name(block: &HelperTemplate) -> Option<&str> {
    let Parameter::Name(name) = &block.name else { return None };
    let hides = block.inverse.is_some() && ["each", "with"].contains(&name.as_str());
    hides.then_some(name)
}

/// `if` and `unless`, which refuse what does not exist.
struct Conditional {
    holds: bool,
}

impl HelperDef for Conditional {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("if", 0))?;
        if value.is_value_missing() {
            return Err(RenderError::strict_error(value.relative_path()));
        }
        let branch =
            if value.value().is_truthy(false) == self.holds { helper.template() } else { helper.inverse() };
        branch.map_or(Ok(()), |branch| branch.render(registry, context, render, out))
    }
}

/// `and` and `or` over any number of values, all of which exist.
struct Junction {
    all: bool,
}

impl HelperDef for Junction {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        if helper.is_block() {
            let message = format!("`{}` is no block", helper.name());
            return Err(RenderErrorReason::Other(message).into());
        }
        let values = arguments(helper)?;
        let decided = values.iter().any(|value| value.is_truthy(false) != self.all);
        Ok(ScopedJson::Derived(Value::Bool(decided != self.all)))
    }
}

/// What a helper is given; an error if any of it does not exist.
fn arguments<'a>(helper: &'a Helper<'_>) -> Result<Vec<&'a Value>, RenderError> {
    let exists = |argument: &'a PathAndJson<'_>| match argument.is_value_missing() {
        true => Err(RenderError::strict_error(argument.relative_path())),
        false => Ok(argument.value()),
    };
    helper.params().iter().map(exists).collect()
}
