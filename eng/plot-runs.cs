#!/usr/bin/env dotnet
#:property PublishAot=false
#:property TreatWarningsAsErrors=true

// Draws the training and test error of one run or several, as the paper's Figure 6 does, into an SVG file:
//   dotnet run eng/plot-runs.cs OUT.svg RUN_FOLDER...
// A run's name in the legend is what its options.json calls the model. Dashed lines are training error, solid ones test error.
using System.Globalization;
using System.Text;
using System.Text.Json;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: dotnet run eng/plot-runs.cs OUT.svg RUN_FOLDER...");
    return 2;
}

string[] colors = ["#d1495b", "#2a78b8", "#3c8d5a", "#b07d1e"];
List<(string Name, List<(double Train, double Test)> Epochs)> runs = [];
foreach (string folder in args[1..])
{
    using JsonDocument options = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "options.json")));
    List<(double, double)> epochs = [];
    foreach (string line in File.ReadLines(Path.Combine(folder, "metrics.jsonl")))
    {
        using JsonDocument epoch = JsonDocument.Parse(line);
        JsonElement e = epoch.RootElement;
        epochs.Add((
            100 * (1 - e.GetProperty("train_accuracy").GetDouble()),
            100 * (1 - ((double)e.GetProperty("correct").GetInt32() / e.GetProperty("total").GetInt32()))));
    }

    runs.Add(($"{options.RootElement.GetProperty("model").GetString()}", epochs));
}

const double Left = 56, Top = 24, Width = 560, Height = 280;
int count = runs.Max(r => r.Epochs.Count);
double highest = Math.Ceiling(runs.Max(r => r.Epochs.Max(e => Math.Max(e.Train, e.Test))) / 10) * 10;
double X(double epoch) => Left + (Width * (epoch - 1) / Math.Max(1, count - 1));
double Y(double error) => Top + (Height * (1 - (error / highest)));
StringBuilder svg = new();
svg.AppendLine(
    CultureInfo.InvariantCulture,
    $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {Top + Height + 52}\" font-family=\"system-ui, sans-serif\" font-size=\"13\" role=\"img\">");
svg.AppendLine("<title>Training and test error by epoch</title>");
svg.AppendLine("<style>text{fill:#333}.grid{stroke:#ddd}.axis{stroke:#888}@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}}</style>");
double tick = highest <= 40 ? 5 : 10;
for (double error = 0; error <= highest; error += tick)
{
    svg.AppendLine(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{Left}\" x2=\"{Left + Width}\" y1=\"{Y(error):F1}\" y2=\"{Y(error):F1}\"/><text "
        + $"x=\"{Left - 8}\" y=\"{Y(error) + 4:F1}\" text-anchor=\"end\">{error}</text>");
}

for (int epoch = 1; epoch <= count; epoch += Math.Max(1, count / 10))
{
    svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{X(epoch):F1}\" y=\"{Top + Height + 20}\" text-anchor=\"middle\">{epoch}</text>");
}

svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{Left + (Width / 2)}\" y=\"{Top + Height + 42}\" text-anchor=\"middle\">epoch</text><text "
    + $"transform=\"translate(16 {Top + (Height / 2)}) rotate(-90)\" text-anchor=\"middle\">error, %</text>");
for (int i = 0; i < runs.Count; i++)
{
    (string name, List<(double Train, double Test)> epochs) = runs[i];
    string color = colors[i % colors.Length];
    svg.AppendLine(
        $"<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\" points=\"{Points(epochs.Select(e => e.Train))}\"/>");
    svg.AppendLine($"<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"2.5\" points=\"{Points(epochs.Select(e => e.Test))}\"/>");
    double y = Top + 12 + (i * 46);
    svg.AppendLine(
        CultureInfo.InvariantCulture,
        $"<line x1=\"636\" x2=\"656\" y1=\"{y}\" y2=\"{y}\" stroke=\"{color}\" stroke-width=\"2.5\"/><text x=\"662\" y=\"{y + 4}\">{name} test</text>");
    svg.AppendLine(CultureInfo.InvariantCulture, $"<line x1=\"636\" x2=\"656\" y1=\"{y + 20}\" y2=\"{y + 20}\" stroke=\"{color}\" stroke-width=\"1.5\" "
        + $"stroke-dasharray=\"5 4\"/><text x=\"662\" y=\"{y + 24}\">{name} train</text>");
}

svg.AppendLine("</svg>");
File.WriteAllText(args[0], svg.ToString());
return 0;

string Points(IEnumerable<double> errors) =>
    string.Join(' ', errors.Select((error, i) => string.Create(CultureInfo.InvariantCulture, $"{X(i + 1):F1},{Y(error):F1}")));
