using Engine;
using Engine.Data;
using Engine.Tables;

namespace Tables.Tests;

public sealed class EncodingTests
{
    [Fact]
    public void Numbers_stay_numbers_categories_become_zeros_and_ones_in_alphabetical_order_and_two_names_one_column()
    {
        Samples samples = Read("n,color,sex,y\n1.5,red,m,no\n-2e1,blue,f,yes\n3,green,m,no\n").ToSamples("y");
        Assert.Equal(["n", "color=blue", "color=green", "color=red", "sex=m"], samples.FeatureNames);
        Assert.Equal([1.5f, 0, 0, 1, 1, -20, 1, 0, 0, 0, 3, 0, 1, 0, 1], samples.Features.ToArray());
        Assert.Equal(SampleTask.Classification, samples.Task);
        Assert.Equal(["no", "yes"], samples.TargetNames);
        Assert.Equal([0, 1, 0], samples.Labels.ToArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("NA")]
    [InlineData("NaN")]
    [InlineData("?")]
    [InlineData("null")]
    [InlineData("\"\"")]
    public void A_missing_value_is_refused_with_line_and_column_unless_it_is_filled(string missing)
    {
        Table table = Read($"n,c,y\n1,a,0.5\n{missing},a,1.5\n3,b,2\n8,c,9\n");
        Assert.Equal(
            "'t.csv', line 3, column 'n': the value is missing, as in 1 of 4 rows: say how to fill it (--fill), or leave the column or the row out",
            Assert.Throws<EngineException>(() => table.ToSamples("y", new() { Task = SampleTask.Regression })).Message);
        Assert.Equal(4, Filled(MissingFill.Mean));
        Assert.Equal(3, Filled(MissingFill.Median));
        Assert.Equal(0, Filled(MissingFill.Zero));
        Assert.Equal(1, Filled(MissingFill.MostFrequent));
        Assert.Equal(3, Filled(MissingFill.Category));
        Assert.Equal(4, table.ToSamples("y", new() { FillOf = new Dictionary<string, MissingFill> { ["n"] = MissingFill.Mean } }).FeaturesOf(1)[0]);

        float Filled(MissingFill fill) => table.ToSamples("y", new() { Fill = fill }).FeaturesOf(1)[0];
    }

    [Fact]
    public void A_missing_category_becomes_the_most_frequent_or_one_of_its_own()
    {
        Table table = Read("c,y\nb,0\n,1\nb,0\na,1\n");
        Assert.Equal([1, 1, 1, 0], table.ToSamples("y", new() { Fill = MissingFill.Mean }).Features.ToArray());
        Samples own = table.ToSamples("y", new() { Fill = MissingFill.Category });
        Assert.Equal(["c=a", "c=b", "c=missing"], own.FeatureNames);
        Assert.Equal([0, 0, 1], own.FeaturesOf(1).ToArray());
        Assert.Contains("has categories", Fails(table, "y", new() { FillOf = new Dictionary<string, MissingFill> { ["c"] = MissingFill.Mean } }));
    }

    [Fact]
    public void Kinds_can_be_given_and_columns_left_out()
    {
        Samples samples = Read("id,zone,n,y\na1,1,5,no\na2,2,6,yes\na3,3,7,no\n").ToSamples(
            "y", new() { LeaveOut = ["id", "n"], Kinds = new Dictionary<string, ColumnKind> { ["zone"] = ColumnKind.Category } });
        Assert.Equal(["zone=1", "zone=2", "zone=3"], samples.FeatureNames);
        Assert.Contains("line 2, column 'id': 'a1' is no number", Fails(
            "id,y\na1,no\na2,yes\n", "y", new() { Kinds = new Dictionary<string, ColumnKind> { ["id"] = ColumnKind.Number } }));
        Assert.Contains("no column 'nn'", Fails("n,y\n1,no\n2,yes\n", "y", new() { LeaveOut = ["nn"] }));
    }

    [Theory]
    [InlineData("n,y\n1,a\n2,b\nx,a\n", "line 4, column 'n': 'x' is no number, but most of the column is (2 of 3)", "category")]
    [InlineData("n;y\n1,5;a\n2,5;b\n", "line 2, column 'n': '1,5' has a comma: write 1.5 for a decimal comma, or 15")]
    [InlineData("n;y\n1,234,567.5;a\n2;b\n3;a\n", "line 2, column 'n': '1,234,567.5' has thousands separators: write 1234567.5")]
    [InlineData("n,y\n1e40,a\n2,b\n3,a\n", "line 2, column 'n': '1e40' is beyond what a 32-bit float holds")]
    [InlineData("n,y\n,a\n,b\n", "column 'n' has no value in any row: leave it out")]
    [InlineData("n,y\n1,a\n2,\n", "line 3, column 'y': the target is missing")]
    [InlineData("n,y\n1,a\n2,a\n", "column 'y' is the target, but has the same value in every row")]
    [InlineData("y\na\nb\n", "has no columns to predict 'y' from")]
    public void What_cannot_be_encoded_is_refused_with_line_column_and_advice(string text, params string[] parts) =>
        Assert.All(parts, part => Assert.Contains(part, Fails(text, "y")));

    [Fact]
    public void A_column_of_many_different_texts_is_taken_for_an_identifier_and_refused_with_advice()
    {
        string text = "name,n,y\n" + string.Concat(Enumerable.Range(0, 300).Select(i => $"person {i},{i * i},{i % 2}\n"));
        Assert.Contains("column 'name' has more than 100 different texts, such as 'person 100': leave it out", Fails(text, "y"));
        Assert.Equal(300, Read(text).ToSamples("y", new() { LeaveOut = ["name"] }).Count);
        Assert.Contains("column 'name' is the target, but has 300 different values in 300 rows", Fails(text, "name"));
    }

    [Theory]
    [InlineData("0\n1\n1\n0", SampleTask.Classification, "taken for classes")]
    [InlineData("10\n2\n10\n2", SampleTask.Classification, "taken for classes, as it has only 2 whole numbers")]
    [InlineData("1\n2\n3\n4", SampleTask.Regression, "taken for a value (regression)")]
    [InlineData("0.5\n1.5\n0.5\n1.5", SampleTask.Regression, "taken for a value (regression)")]
    [InlineData("a\nb\na\nb", SampleTask.Classification, "as it is text")]
    public void The_task_follows_from_the_target_and_is_told(string target, SampleTask task, string remark)
    {
        string text = "n,y\n" + string.Concat(target.Split('\n').Select((t, i) => $"{i * i},{t}\n"));
        TableEncoding encoding = TableEncoding.Learn(Read(text), "y");
        Assert.Equal(task, encoding.Task);
        Assert.Contains(remark, Assert.Single(encoding.Remarks));
    }

    [Fact]
    public void Classes_that_are_whole_numbers_are_in_their_order()
    {
        Samples samples = Read("n,y\n1,10\n2,2\n3,10.0\n4,2\n").ToSamples("y");
        Assert.Equal(["2", "10"], samples.TargetNames);
        Assert.Equal([1, 0, 1, 0], samples.Labels.ToArray());
        Samples values = Read("n,y\n1,10\n2,2\n3,10.0\n4,2\n").ToSamples("y", new() { Task = SampleTask.Regression });
        Assert.Equal([10, 2, 10, 2], values.Values.ToArray());
    }

    [Fact]
    public void Several_targets_are_labels_or_values()
    {
        Samples labels = Read("n,a,b\n1,0,yes\n2,1,no\n").ToSamples("a, b");
        Assert.Equal((SampleTask.MultiLabel, 1), (labels.Task, labels.FeatureShape.Last));
        Assert.Equal([0, 1, 1, 0], labels.Values.ToArray());
        Samples values = Read("n,a,b\n1,0,5\n2,1,6\n").ToSamples("a,b");
        Assert.Equal(SampleTask.Regression, values.Task);
        Assert.Equal([0, 5, 1, 6], values.Values.ToArray());
        Assert.Contains("'5' is no label", Fails("n,a,b\n1,0,5\n2,1,6\n", "a,b", new() { Task = SampleTask.MultiLabel }));
        Assert.Contains("names a column twice", Fails("n,a,b\n1,0,5\n2,1,6\n", "a,a"));
    }

    [Fact]
    public void Weights_come_from_a_column_and_must_not_be_negative()
    {
        Samples samples = Read("n,w,y\n1,0.5,a\n2,2,b\n").ToSamples("y", new() { Weights = "w" });
        Assert.Equal([0.5f, 2], samples.Weights.ToArray());
        Assert.Equal(["n"], samples.FeatureNames);
        Assert.Contains("line 3, column 'w': the weight '-2' is negative", Fails("n,w,y\n1,0.5,a\n2,-2,b\n", "y", new() { Weights = "w" }));
    }

    [Fact]
    public void Columns_that_say_nothing_or_count_the_rows_are_remarked()
    {
        TableEncoding encoding = TableEncoding.Learn(Read("id,same,one,n,y\n1,7,x,3,a\n2,7,x,1,b\n3,7,x,2,a\n"), "y");
        Assert.Equal(
            [
                "the target 'y' is taken for classes, as it is text", "column 'id' counts the rows: leave it out if it is an identifier",
                "column 'same' has the same value in every row, from which nothing can be learned",
                "column 'one' has the same value in every row, from which nothing can be learned",
            ],
            encoding.Remarks);
    }

    [Fact]
    public void New_rows_are_encoded_alike_by_the_names_of_their_columns_without_the_target()
    {
        TableEncoding encoding = Learn(new() { Fill = MissingFill.Mean });
        EncodedRows rows = encoding.EncodeFeatures(Read("extra;color;n\nq;blue;4\nq;red;\n"));
        Assert.Equal([4, 1, 0, 0, 2, 0, 0, 1], rows.Features.ToArray());
        Assert.Contains("has no column 'color'", Assert.Throws<EngineException>(() => Learn().EncodeFeatures(Read("n,c\n1,2\n"))).Message);
        Assert.Contains("has no column 'y'", Assert.Throws<EngineException>(() => encoding.Encode(Read("n,color\n1,red\n"))).Message);
    }

    [Theory]
    [InlineData("n,color\n1,gren\n", "line 2, column 'color': there is no category 'gren'; did you mean 'green'?")]
    [InlineData("n,color\n1,red\nx,red\n", "line 3, column 'n': 'x' is no number, but the column has numbers")]
    [InlineData("n,color\n1,red\n,red\n", "line 3, column 'n': the value is missing, and the encoding has nothing to fill it with")]
    public void A_row_that_does_not_fit_is_refused_or_skipped_and_told(string text, string message)
    {
        TableEncoding encoding = Learn();
        Assert.Contains(message, Assert.Throws<EngineException>(() => encoding.EncodeFeatures(Read(text))).Message);
        EncodedRows rows = encoding.EncodeFeatures(Read(text + "5,blue\n"), skipBadRows: true);
        Assert.Contains(message, Assert.Single(rows.Problems).Message);
        Assert.Equal([5, 1, 0, 0], rows.Features.ToArray()[^4..]);
        Assert.DoesNotContain(rows.Problems[0].Row, rows.Rows);
    }

    [Fact]
    public void An_unknown_category_may_be_zeros_and_an_unknown_class_never()
    {
        TableEncoding encoding = Learn(new() { Unknown = UnknownCategory.Ignore });
        Assert.Equal([1, 0, 0, 0], encoding.EncodeFeatures(Read("n,color\n1,pink\n")).Features.ToArray());
        Assert.Contains("line 2, column 'y': there is no class 'maybe'", Assert.Throws<EngineException>(
            () => encoding.Encode(Read("n,color,y\n1,red,maybe\n"))).Message);
    }

    [Fact]
    public void An_encoding_is_the_same_after_it_was_JSON()
    {
        TableEncoding encoding = Learn(new() { Fill = MissingFill.Category });
        TableEncoding read = TableEncoding.Read(encoding.Metadata)!;
        Assert.Equal(encoding.ToJson(), read.ToJson());
        Assert.Equal(encoding.FeatureNames, read.FeatureNames);
        Assert.Null(TableEncoding.Read(new Dictionary<string, string>()));
        Assert.Null(TableEncoding.Read(new Dictionary<string, string> { ["table"] = "[1]" }));
    }

    [Theory]
    [InlineData("\"Kind\"", "\"Knd\"")]
    [InlineData("\"blue\"", "\"red\"")]
    [InlineData("\"Classification\"", "\"Regression\"")]
    [InlineData("\"Number\"", "\"Category\"")]
    [InlineData("\"Number\"", "7")]
    [InlineData("\"no\"", "null")]
    public void A_damaged_encoding_is_told(string part, string wrong)
    {
        string json = Learn().ToJson().Replace("\"kind\"", "\"Kind\"", StringComparison.Ordinal).Replace(part, wrong, StringComparison.Ordinal)
            .Replace("\"Kind\"", "\"kind\"", StringComparison.Ordinal);
        EngineException e = Assert.Throws<EngineException>(() => TableEncoding.Read(new Dictionary<string, string> { ["table"] = json }));
        Assert.StartsWith("the weights' description of their table", e.Message);
    }

    [Fact]
    public void The_public_sets_are_what_they_are_known_for()
    {
        Samples iris = Set("iris").ToSamples("species");
        Assert.Equal((150, 4), (iris.Count, iris.FeatureShape.Last));
        Assert.Equal([50, 50, 50], iris.ClassCounts());
        Samples cancer = Set("breast-cancer").ToSamples("diagnosis");
        Assert.Equal((569, 30), (cancer.Count, cancer.FeatureShape.Last));
        Assert.Equal([357, 212], cancer.ClassCounts());
        Samples diabetes = Set("diabetes").ToSamples("progression");
        Assert.Equal((442, 10, SampleTask.Regression), (diabetes.Count, diabetes.FeatureShape.Last, diabetes.Task));
        Assert.Equal(152.133, diabetes.Values.ToArray().Average(v => (double)v), 3);
    }

    private static Table Set(string name) => Table.Open(Path.Combine(AppContext.BaseDirectory, "Data", $"{name}.csv"));

    private static TableEncoding Learn(TableOptions? options = null) =>
        TableEncoding.Learn(Read("n,color,y\n1,red,no\n2,blue,yes\n3,green,no\n"), "y", options);

    private static Table Read(string text) => Table.Read(new StringReader(text), "t.csv");

    private static string Fails(string text, string target, TableOptions? options = null) => Fails(Read(text), target, options);

    private static string Fails(Table table, string target, TableOptions? options = null) =>
        Assert.Throws<EngineException>(() => table.ToSamples(target, options)).Message;
}
