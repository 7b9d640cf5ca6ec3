using System.Text;
using Engine;
using Engine.Data;
using Engine.Tables;

namespace Fuzz.Tests;

/// <summary>CSV files, and the description of a table that weights carry.</summary>
internal static class TableTargets
{
    /// <summary>Tables, and their encodings as JSON.</summary>
    public static IEnumerable<FuzzTarget> All => [new("csv", ReadTable, Tables), new("table-encoding", ReadEncoding, Encodings)];

    // As a user would train on it: with the last column as the target, and missing values filled.
    private static void ReadTable(byte[] bytes)
    {
        Table table = Table.Open(Scratch.Write("table.csv", bytes));
        TableOptions options = new() { Fill = MissingFill.Category, Unknown = UnknownCategory.Ignore };
        TableEncoding encoding = TableEncoding.Learn(table, table.Columns[^1], options);
        Samples samples = encoding.Encode(table);
        TableEncoding again = TableEncoding.Read(encoding.Metadata) ?? throw new FuzzFault("an encoding is not read again");
        if (!samples.Features.Span.SequenceEqual(again.Encode(table).Features.Span))
        {
            throw new FuzzFault("an encoding that was read again encodes otherwise");
        }
    }

    private static void ReadEncoding(byte[] bytes)
    {
        TableEncoding? encoding = TableEncoding.Read(new Dictionary<string, string> { [TableEncoding.MetadataKey] = Encoding.UTF8.GetString(bytes) });
        encoding?.EncodeFeatures(Table.Read(new StringReader("n,color,sex\n1,red,m\n,blue,f\n"), "t.csv"), skipBadRows: true);
    }

    private static IEnumerable<byte[]> Tables() => ((string[])
    [
        "n,color,sex,y\n1.5,red,m,no\n-2e1,blue,f,yes\n,green,m,no\n",
        "\uFEFFa;\"b;c\";y\r\n1,5;\"x\"\"y\";1\r\n2;NA;2\r\n",
        "a\ty\n1\t0.5\n2\t1.5\n?\t2.5",
        "id|text|y\n1|\"two\nlines\"|a\n\n2|null|b\n",
    ]).Select(Encoding.UTF8.GetBytes);

    private static IEnumerable<byte[]> Encodings()
    {
        Table table = Table.Read(new StringReader("n,color,sex,y\n1.5,red,m,no\n-2e1,blue,f,yes\n,green,m,no\n"), "t.csv");
        foreach (MissingFill fill in (MissingFill[])[MissingFill.Mean, MissingFill.Category])
        {
            yield return Encoding.UTF8.GetBytes(TableEncoding.Learn(table, "y", new TableOptions { Fill = fill }).ToJson());
        }
    }
}
