//! A campaign to take along: its file, what it wants as a table, and how far each of its clips is.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};

use super::{operator, standing::Standing};
use crate::{
    campaign::Campaign,
    http::{
        Shared, address,
        problem::{Code, Problem},
    },
};

/// `/operator/campaigns/{campaign}/{file}`
pub async fn export(
    request: HttpRequest,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    operator::admit(&request, &shared)?;
    let (id, file) = path.into_inner();
    let campaign = shared.edge.campaign(&id)?;
    match file.as_str() {
        "campaign.toml" => Ok(attached(&campaign, "", "toml", "application/toml", campaign.text().to_owned())),
        "wishes.csv" => Ok(attached(&campaign, "-wishes", "csv", "text/csv", campaign.table())),
        "table.csv" => Ok(attached(&campaign, "", "csv", "text/csv", table(&shared, &campaign).await?)),
        _ => Err(Problem::new(Code::NotFound, "no such file of a campaign").hint("`campaign.toml`, `wishes.csv` or `table.csv`")),
    }
}

/// A line for each clip: where it is, and how far.
async fn table(shared: &Shared, campaign: &Campaign) -> Result<String, Problem> {
    let matrix = shared.edge.matrix_of(campaign)?;
    let mut table =
        csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let columns = "plate,state,template,locale,ratio,variation,parameters,forecast_seconds,spent_seconds,clip";
    let mut put = |line: Vec<String>| table.write_record(line).expect("memory takes all, and every line has as many cells");
    put(columns.split(',').map(str::to_owned).collect());
    for cell in &matrix.cells {
        let standing = Standing::of(&shared.edge, campaign, cell).await?;
        for pick in &cell.picks {
            let parameters = pick.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
            let seconds = |millis: u64| (millis / 1000).to_string();
            let fields = vec![
                standing.key.to_string(),
                standing.state_in(&shared.edge, campaign, &pick.locale).to_owned(),
                pick.template.to_string(),
                pick.locale.to_string(),
                pick.ratio.map(|ratio| ratio.to_string()).unwrap_or_default(),
                pick.variation.to_string(),
                parameters,
                seconds(cell.cost_millis),
                seconds(standing.spent_millis),
                address::of_clip(pick),
            ];
            put(fields.into_iter().map(guarded).collect());
        }
    }
    let bytes = table.into_inner().expect("memory takes all");
    Ok(String::from_utf8(bytes).expect("texts were put in"))
}

/// What a table program would take for a formula begins with a quotation mark of its own.
fn guarded(field: String) -> String {
    if field.starts_with(['=', '+', '-', '@']) { format!("'{field}") } else { field }
}

fn attached(campaign: &Campaign, kind: &str, extension: &str, media_type: &str, body: String) -> HttpResponse {
    let name = campaign.id.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let name =
        HeaderValue::from_str(&format!("attachment; filename=\"{name}{kind}.{extension}\"")).expect("letters, digits and dashes");
    HttpResponse::Ok()
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type(format!("{media_type}; charset=utf-8"))
        .body(body)
}
