//! The report as one page that needs nothing else: no script, no font, no picture from elsewhere. Every word is escaped.

use super::EvaluationReport;
use super::pictures::Picture;
use super::sections::sections;
use super::table::{Section, Table};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.2rem;border-bottom:1px solid #ccd3dc;margin-top:2.5rem}\
h3{font-size:1rem;margin:1.5rem 0 .3rem}div{overflow-x:auto}table{border-collapse:collapse}\
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #e6eaef;font-variant-numeric:tabular-nums}\
th:first-child,td:first-child{text-align:left}td:not(:first-child){white-space:nowrap}th{color:#566;font-weight:600}\
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,490px),max-content));gap:1rem;\
margin:1rem 0}figure{box-sizing:border-box;min-width:min(100%,490px);max-width:100%;margin:0;padding:.8rem;\
border:1px solid #ccd3dc;border-radius:6px;color:#1c2430;background:#fff;color-scheme:light}\
figure.alone{grid-column:1/-1;justify-self:start}\
figure svg{display:block;margin:0 auto;max-width:100%;min-width:var(--least);height:auto}\
figcaption{width:0;min-width:100%;margin-top:.6rem;font-size:.87rem}\
p.warning{background:#fff4d6;border-left:4px solid #e0a800;padding:.4rem .8rem}\
@media(prefers-color-scheme:dark){body{color:#e4e8ee;background:#14181e}th{color:#9ab}th,td{border-color:#2a313b}\
p.warning{background:#3a3010}}";

/// The report as a page.
pub fn render_html(report: &EvaluationReport) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\">\n<title>semroute evaluation: {}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n",
        escape(&report.router)
    );
    for (place, section) in sections(report).iter().enumerate() {
        write_section(&mut page, section, if place == 0 { "h1" } else { "h2" });
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn write_section(page: &mut String, section: &Section<'_>, heading: &str) {
    page.push_str(&format!("<{heading}>{}</{heading}>\n", escape(&section.title)));
    for line in &section.lines {
        let class = if line.starts_with("warning: ") { " class=\"warning\"" } else { "" };
        page.push_str(&format!("<p{class}>{}</p>\n", escape(line)));
    }
    if !section.pictures.is_empty() {
        page.push_str("<div class=\"pictures\">\n");
        for picture in &section.pictures {
            write_picture(page, *picture);
        }
        page.push_str("</div>\n");
    }
    for table in &section.tables {
        write_table(page, table);
    }
}

/// A card with the picture, and its title and caption in words. Drawing into memory does not fail; were it to, the tables
/// below hold the same figures.
fn write_picture(page: &mut String, picture: Picture<'_>) {
    let figure = match picture.draw() {
        Ok(figure) => figure,
        Err(error) => {
            page.push_str(&format!("<p class=\"warning\">a picture is missing: {}</p>\n", escape(&error.to_string())));
            return;
        }
    };
    let title = escape(&figure.title);
    let class = if figure.alone { " class=\"alone\"" } else { "" };
    page.push_str(&format!(
        "<figure{class}>\n<div role=\"img\" aria-label=\"{title}\" style=\"--least:{}px\">\n{}</div>\n\
         <figcaption><strong>{title}</strong><br>{}</figcaption>\n</figure>\n",
        figure.least_width,
        figure.svg,
        escape(&figure.caption)
    ));
}

fn write_table(page: &mut String, table: &Table) {
    if !table.title.is_empty() {
        page.push_str(&format!("<h3>{}</h3>\n", escape(&table.title)));
    }
    page.push_str("<div><table>\n<tr>");
    for column in &table.columns {
        page.push_str(&format!("<th>{}</th>", escape(column)));
    }
    page.push_str("</tr>\n");
    for (at, row) in table.rows.iter().enumerate() {
        page.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let shades = table.shades.get(at);
            let shade = column.checked_sub(1).and_then(|cell| shades.and_then(|shades| shades.get(cell)));
            let style = match shade {
                Some(shade) if *shade > 0.0 => format!(" style=\"background:rgba(38,120,210,{shade:.2})\""),
                _ => String::new(),
            };
            page.push_str(&format!("<td{style}>{}</td>", escape(cell)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
