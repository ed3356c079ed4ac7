//! Pictures of a report, drawn by a plotting library as SVG to stand in a page. A picture is named where its section is
//! made and drawn only where it is shown, so the text report draws none.

mod canvas;
mod cascade;
mod confusion;
mod cost_axis;
mod labels;
mod legend;
mod many_models;
mod reliability;
mod risk_coverage;
mod two_models;

use super::super::{CascadeReport, LabelReport, ManyModelReport, TwoModelReport};

pub(super) use canvas::DrawError;
pub(super) use confusion::MOST_LABELS as MOST_CONFUSION_PICTURE_LABELS;

/// What to draw, and the figures to draw it from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Picture<'a> {
    Confusion(&'a LabelReport),
    Reliability(&'a LabelReport),
    RiskCoverage(&'a LabelReport),
    Cascade(&'a CascadeReport),
    TwoModels(&'a TwoModelReport),
    ManyModels(&'a ManyModelReport),
}

/// A picture as it stands in a page.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// What it shows, for those who do not see it too. Not escaped.
    pub(super) title: String,
    /// How to read it. Not escaped.
    pub(super) caption: String,
    /// An `<svg>` element whose words are escaped.
    pub(super) svg: String,
    /// A page may let it be scrolled sideways but should not show it narrower than this, in CSS pixels.
    pub(super) least_width: u32,
    /// Whether it wants a line of its own.
    pub(super) alone: bool,
}

impl<'a> Picture<'a> {
    /// The pictures of a label field for which there is data.
    pub(super) fn of_labels(report: &'a LabelReport) -> Vec<Self> {
        let mut pictures = Vec::new();
        if confusion::has_picture(report) {
            pictures.push(Self::Confusion(report));
        }
        if !report.calibration.bins.is_empty() {
            pictures.push(Self::Reliability(report));
        }
        if !report.risk_coverage.points.is_empty() {
            pictures.push(Self::RiskCoverage(report));
        }
        pictures
    }

    /// The picture of a cascade, where any row was measured.
    pub(super) fn of_cascade(report: &'a CascadeReport) -> Option<Self> {
        report.curve.iter().any(|point| point.second_tier_share > 0.0).then_some(Self::Cascade(report))
    }

    /// The picture of routing between two models, where the router has a curve.
    pub(super) fn of_two_models(report: &'a TwoModelReport) -> Option<Self> {
        (!report.router.scores.points.is_empty()).then_some(Self::TwoModels(report))
    }

    pub(super) fn draw(self) -> Result<Figure, DrawError> {
        match self {
            Self::Confusion(report) => confusion::draw(report),
            Self::Reliability(report) => reliability::draw(report),
            Self::RiskCoverage(report) => risk_coverage::draw(report),
            Self::Cascade(report) => cascade::draw(report),
            Self::TwoModels(report) => two_models::draw(report),
            Self::ManyModels(report) => many_models::draw(report),
        }
    }
}
