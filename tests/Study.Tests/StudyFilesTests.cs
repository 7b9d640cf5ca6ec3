using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Engine.Data;
using Engine.TensorBoard;

namespace Engine.Study.Tests;

/// <summary>A study's files: that CSV, event files and report tell the same numbers, and that report and charts are whole.</summary>
public partial class StudyFilesTests(StudyFilesTests.Folder folder) : IClassFixture<StudyFilesTests.Folder>
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    public sealed class Folder : IDisposable
    {
        public Folder()
        {
            StudyRunner runner = new(
                new StudyOptions
                {
                    Depths = [8, 14],
                    Kinds = ["plain", "residual", "highway"],
                    MaxSteps = 5,
                    Every = 2,
                    CurveInterval = 2,
                    LearningRate = 0.05,
                    UnnormalizedSteps = 2
                },
                DataSets.Open("digits"));
            runner.Train(() => new CpuDevice(1), 2);
            Run = runner.Run;
            StudyFolder.Write(Run, Path);
        }

        public StudyRun Run { get; }

        public string Path { get; } = Directory.CreateTempSubdirectory("study-").FullName;

        public string this[string name] => System.IO.Path.Combine(Path, name);

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }

    [Fact]
    public void Event_files_have_the_numbers_of_the_csv_files()
    {
        Dictionary<string, string> expected = [];
        foreach (string[] row in Rows("curves.csv"))
        {
            expected[$"{row[0]} {row[2]} {row[1]}/loss"] = row[3];
            expected[$"{row[0]} {row[2]} {row[1]}/error"] = row[4];
        }

        string[] header = File.ReadLines(folder["layers.csv"]).First().Split(',');
        foreach (string[] row in Rows("layers.csv"))
        {
            for (int i = 4; i < header.Length; i++)
            {
                expected[$"{row[0]} {row[1]} {header[i]}/{row[2]}"] = row[i];
            }
        }

        foreach (string[] row in Rows("branches.csv"))
        {
            expected[$"{row[0]} {row[1]} {row[3]}_gradient/{row[2]}"] = row[4];
        }

        Dictionary<string, string> actual = [];
        foreach (StudyNetwork network in folder.Run.Networks)
        {
            EventFileReader.Contents contents = EventsOf(network);
            Assert.Equal(["brain.Event:2"], contents.Versions);
            Assert.All(contents.Entries, e => Assert.InRange(e.Time, 1.7e9, 1e11));
            foreach (EventFileReader.Entry entry in contents.Entries.Where(e => e.Scalar is not null))
            {
                actual.Add($"{network.Info.Name} {entry.Step} {entry.Tag}", entry.Scalar!.Value.ToString("G6", CultureInfo.InvariantCulture));
            }
        }

        Assert.True(actual.Count > 1000);
        Assert.Equal(expected.Where(e => e.Value.Length > 0).OrderBy(e => e.Key, StringComparer.Ordinal), actual.OrderBy(e => e.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void Event_files_of_an_earlier_study_go_and_other_files_stay()
    {
        string path = Directory.CreateTempSubdirectory("study-").FullName;
        try
        {
            string earlier = Path.Combine(path, "resnet110"), other = Path.Combine(earlier, "notes.txt");
            Directory.CreateDirectory(earlier);
            File.WriteAllText(Path.Combine(earlier, StudyEventFiles.FileName), "");
            File.WriteAllText(other, "");
            StudyEventFiles.Write(folder.Run, path);
            Assert.Equal([other], Directory.GetFiles(earlier));
            Assert.Equal(folder.Run.Networks.Count, Directory.GetFiles(path, StudyEventFiles.FileName, SearchOption.AllDirectories).Length);
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }

    [Fact]
    public void Histograms_count_every_layer_once()
    {
        StudyNetwork network = folder.Run.Networks[1];
        EventFileReader.Entry[] histograms = [.. EventsOf(network).Entries.Where(e => e.Histogram is not null)];
        Assert.Equal(StudyStatistic.All.Count * network.Samples.Count, histograms.Length);
        EventFileReader.Entry spread = histograms.Single(h => h.Step == 2 && h.Tag == "layers/log10 activation_gradient");
        double[] values = [.. network.Samples[1].Layers.Select(l => (double)(float)Math.Log10(l.ActivationGradient))];
        Assert.Equal([values.Length], spread.Histogram!["num"]);
        Assert.Equal(values.Length, spread.Histogram["bucket"].Sum());
        Assert.Equal(spread.Histogram["bucket"].Length, spread.Histogram["bucket_limit"].Length);
        Assert.Equal([values.Min()], spread.Histogram["min"]);
        Assert.Equal([values.Max()], spread.Histogram["max"]);
        Assert.Equal(values.Sum(), spread.Histogram["sum"][0], 1e-9);
        Assert.Equal(values.Sum(v => v * v), spread.Histogram["sum_squares"][0], 1e-9);
        for (int i = 0; i < spread.Histogram["bucket"].Length; i++)
        {
            double low = i == 0 ? double.NegativeInfinity : spread.Histogram["bucket_limit"][i - 1], high = spread.Histogram["bucket_limit"][i];
            Assert.InRange(
                spread.Histogram["bucket"][i], values.Count(v => v > low + 1e-9 && v < high - 1e-9), values.Count(v => v >= low - 1e-9 && v <= high + 1e-9));
        }
    }

    [Fact]
    public void A_changed_byte_is_noticed_by_its_checksum()
    {
        byte[] file = File.ReadAllBytes(PathOf(folder.Run.Networks[0]));
        int last = file.Length - 6;
        file[last] ^= 1;
        Assert.Throws<InvalidDataException>(() => EventFileReader.Records(file).Count());
    }

    [Fact]
    public void The_checksum_is_that_of_the_standard()
    {
        // RFC 3720, appendix B.4.
        Assert.Equal(0xe3069283u, Crc32C.Of("123456789"u8));
        Assert.Equal(0x8a9136aau, Crc32C.Of(new byte[32]));
        Assert.Equal(0x46dd794eu, Crc32C.Of([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_left_out_of_histograms()
    {
        Histogram histogram = Histogram.Of([1, float.NaN, 3, float.PositiveInfinity, 2], 2)!;
        Assert.Equal((1, 3, 6, 14), (histogram.Min, histogram.Max, histogram.Sum, histogram.SumOfSquares));
        Assert.Equal([1, 2], histogram.Counts);
        Assert.Null(Histogram.Of([float.NaN]));
        Assert.Equal([4], Histogram.Of([7, 7, 7, 7])!.Counts);
    }

    [Fact]
    public void The_report_is_one_file_with_the_numbers_of_the_json_file()
    {
        string page = File.ReadAllText(folder["report.html"]);
        Assert.DoesNotContain("{{", page, StringComparison.Ordinal);
        Assert.DoesNotMatch("(src|href)=\"(?!data:|#)", page);
        using JsonDocument data = JsonDocument.Parse(Data().Match(page).Groups[1].Value);
        Assert.Equal(File.ReadAllText(folder["study.json"]).TrimEnd(), data.RootElement.GetProperty("study").GetRawText());
        Assert.False(data.RootElement.GetProperty("live").GetBoolean());
        Assert.Equal(1, data.RootElement.GetProperty("every").GetInt32());
    }

    [Fact]
    public void A_report_that_would_be_too_large_keeps_fewer_measurements()
    {
        int whole = Encoding.UTF8.GetByteCount(StudyReport.Data(folder.Run, false, int.MaxValue));
        string data = StudyReport.Data(folder.Run, false, whole * 9 / 10);
        Assert.True(Encoding.UTF8.GetByteCount(data) <= (whole * 9 / 10) + 100);
        using JsonDocument json = JsonDocument.Parse(data);
        Assert.True(json.RootElement.GetProperty("every").GetInt32() > 1);
        JsonElement samples = json.RootElement.GetProperty("study").GetProperty("networks")[0].GetProperty("samples");
        Assert.Equal([0, 4], samples.EnumerateArray().Select(s => s.GetProperty("step").GetInt32()).Where(s => s is 0 or 4));
        Assert.True(samples.GetArrayLength() <= folder.Run.Networks[0].Samples.Count);
    }

    [Fact]
    public void Charts_are_svg_images_with_a_line_a_network()
    {
        Dictionary<string, XElement> charts = Directory.GetFiles(folder["charts"]).ToDictionary(f => Path.GetFileName(f), f => XDocument.Load(f).Root!);
        Assert.Equal(
            ["additions.svg", "error.svg", "gradient-end.svg", "gradient-start.svg", "heatmap.svg", "responses.svg"],
            charts.Keys.Order(StringComparer.Ordinal));
        foreach ((string name, XElement chart) in charts)
        {
            Assert.Equal("0 0 960 540", chart.Attribute("viewBox")!.Value);
            Assert.NotEmpty(chart.Element(Svg + "title")!.Value);
            Assert.DoesNotContain("NaN", chart.ToString(), StringComparison.Ordinal);
            foreach (XElement text in chart.Elements(Svg + "text"))
            {
                double x = double.Parse(text.Attribute("x")!.Value, CultureInfo.InvariantCulture), width = text.Value.Length * 8.2;
                double left = text.Attribute("text-anchor")!.Value switch { "end" => x - width, "middle" => x - (width / 2), _ => x };
                Assert.True(left >= 0 && left + width <= 970, $"{name}: \"{text.Value}\" from {left}");
            }
        }

        Assert.Equal(6, charts["error.svg"].Elements(Svg + "path").Count());
        Assert.Equal(6, charts["gradient-start.svg"].Elements(Svg + "path").Count());
        Assert.Equal(2, charts["additions.svg"].Elements(Svg + "path").Count());
        Assert.True(charts["heatmap.svg"].Elements(Svg + "rect").Count() > 2 * 14 * 3);
    }

    [Fact]
    public void A_study_without_measurements_has_a_report_and_no_charts()
    {
        StudyRunner runner = new(new StudyOptions { Depths = [8] }, DataSets.Open("digits"));
        Assert.All(StudyCharts.Draw(runner.Run), chart => Assert.Null(chart.Image));
        Assert.Contains("\"completed\":null", StudyReport.Html(runner.Run), StringComparison.Ordinal);
    }

    private string PathOf(StudyNetwork network) => folder[Path.Combine("tensorboard", network.Info.Name.Replace(' ', '-'), StudyEventFiles.FileName)];

    private EventFileReader.Contents EventsOf(StudyNetwork network) => EventFileReader.Read(PathOf(network));

    private IEnumerable<string[]> Rows(string file) => File.ReadLines(folder[file]).Skip(1).Select(line => line.Split(','));

    [GeneratedRegex("<script type=\"application/json\" id=\"run\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Data();
}
