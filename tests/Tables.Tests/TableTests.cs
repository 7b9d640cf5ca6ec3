using System.Text;
using Engine;
using Engine.Tables;

namespace Tables.Tests;

public sealed class TableTests
{
    [Fact]
    public void A_table_has_its_columns_cells_and_line_numbers()
    {
        Table table = Read("a,b\n1,x\n\n2,y\n");
        Assert.Equal(["a", "b"], table.Columns);
        Assert.Equal(2, table.RowCount);
        Assert.Equal("2", table[1, 0].ToString());
        Assert.Equal("y", table[1, 1].ToString());
        Assert.Equal((2, 4), (table.LineOf(0), table.LineOf(1)));
    }

    [Theory]
    [InlineData("a,b;c\n1,2\n", ',')]
    [InlineData("a;b\n1;2\n", ';')]
    [InlineData("a\tb\n1\t2\n", '\t')]
    [InlineData("a|b\n1|2\n", '|')]
    [InlineData("\"a,b,c\";d\n1;2\n", ';')]
    [InlineData("a\n1\n", ',')]
    public void The_separator_is_found_in_the_header(string text, char separator)
    {
        Table table = Read(text);
        Assert.Equal(separator, table.Separator);
        Assert.Equal("1", table[0, 0].ToString());
    }

    [Fact]
    public void A_quoted_field_may_have_separators_line_breaks_and_doubled_quotes()
    {
        Table table = Read("name,note\n\"Doe, \"\"Jo\"\"\",\"two\nlines\"\n \"x\" , y \n");
        Assert.Equal("Doe, \"Jo\"", table[0, 0].ToString());
        Assert.Equal("two\nlines", table[0, 1].ToString());
        Assert.Equal("x", table[1, 0].ToString());
        Assert.Equal("y", table[1, 1].ToString());
        Assert.Equal((2, 4), (table.LineOf(0), table.LineOf(1)));
    }

    [Theory]
    [InlineData("\uFEFFa,b\r\n1,2\r\n3,4")]
    [InlineData("a,b\n1,2\n3,4\n\n\n")]
    [InlineData("\n\na,b\n  \n1,2\n3,4")]
    [InlineData("a,b\r1,2\r3,4")]
    public void Byte_order_marks_line_ends_of_any_kind_and_empty_lines_do_not_matter(string text)
    {
        Table table = Read(text);
        Assert.Equal(["a", "b"], table.Columns);
        Assert.Equal("1 2 3 4", $"{table[0, 0]} {table[0, 1]} {table[1, 0]} {table[1, 1]}");
    }

    [Theory]
    [InlineData("", "'t.csv' is empty: expected a line with the columns' names, and rows")]
    [InlineData("\n \n", "'t.csv' is empty")]
    [InlineData("a,b\n", "'t.csv' has a header, but no rows")]
    [InlineData("1,2\n3,4\n", "'t.csv', line 1 has nothing but numbers: expected the columns' names")]
    [InlineData("a,,b\n1,2,3\n", "'t.csv', line 1: column 2 has no name")]
    [InlineData("a,b,a\n1,2,3\n", "'t.csv', line 1: two columns are called 'a'")]
    [InlineData("a,b\n1,2\n3\n", "'t.csv', line 3 has 1 field, but the header has 2: each row needs all columns")]
    [InlineData("a,b\n1,2,3\n", "'t.csv', line 2 has 3 fields, but the header has 2: a field with a separator in it must be in quotes")]
    [InlineData("a,b\n1,\"2\n3,4\n", "'t.csv', line 2: the quote that begins field 2 is not closed")]
    [InlineData("a,b\n5\" pipe,2\n3,4\"\n", "'t.csv', line 2", "quote")]
    [InlineData("a,b\n\"1\"2,3\n", "'t.csv', line 2: field 1 has a quote in its middle")]
    [InlineData("\"a,b\n1,2\n", "'t.csv', line 1: the quote that begins the name of column 1 is not closed")]
    public void What_is_no_table_is_refused_in_one_line_that_names_the_line(string text, params string[] parts)
    {
        EngineException e = Assert.Throws<EngineException>(() => Read(text));
        Assert.All(parts, part => Assert.Contains(part, e.Message));
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void A_file_is_read_as_UTF8_and_one_that_is_not_is_told_with_its_line()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "cities.csv");
        File.WriteAllText(path, "city,n\nMünchen,1\n", new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        Assert.Equal("München", Table.Open(path)[0, 0].ToString());
        Assert.Equal("cities.csv", Table.Open(path).Name);
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes("city,n\nBonn,2\nMünchen,1\n"));
        EngineException e = Assert.Throws<EngineException>(() => Table.Open(path));
        Assert.Contains("'cities.csv', line 3 is not valid UTF-8, perhaps because the file is in Latin-1", e.Message);
        Assert.Equal("München", Table.Open(path, Encoding.Latin1)[1, 0].ToString());
        File.WriteAllText(path, "city,n\nMünchen,1\n", Encoding.Unicode);
        Assert.Equal("München", Table.Open(path)[0, 0].ToString());
    }

    [Fact]
    public void A_file_that_is_not_there_or_is_a_folder_is_told()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("there is no such file", Assert.Throws<EngineException>(() => Table.Open(Path.Combine(folder.Path, "none.csv"))).Message);
        Assert.Contains("it is a folder", Assert.Throws<EngineException>(() => Table.Open(folder.Path)).Message);
    }

    [Fact]
    public void A_column_that_is_not_there_is_told_with_the_nearest_name()
    {
        Table table = Read("species,width\na,1\n");
        Assert.Equal("'t.csv' has no column 'specis'; did you mean 'species'?", Assert.Throws<EngineException>(() => table.ColumnOf("specis")).Message);
        Assert.Equal("'t.csv' has no column 'xyz'; its columns are species, width", Assert.Throws<EngineException>(() => table.ColumnOf("xyz")).Message);
    }

    [Fact]
    public void A_table_larger_than_its_share_of_memory_is_refused()
    {
        StringReader text = new("a,b\n" + string.Concat(Enumerable.Repeat("1,2\n", 1000)));
        EngineException e = Assert.Throws<EngineException>(() => new TableReader("t.csv", limit: 5000).Read(text));
        Assert.StartsWith("'t.csv' does not fit in memory: its text would take", e.Message);
    }

    [Fact]
    public void Many_rows_and_a_row_longer_than_any_buffer_are_read()
    {
        string wide = new('x', 200_000);
        Table table = Read("a,b\n" + string.Concat(Enumerable.Range(0, 5000).Select(i => $"{i},\"{i}\n{i}\"\n")) + $"{wide},1\n");
        Assert.Equal(5001, table.RowCount);
        Assert.Equal("4999\n4999", table[4999, 1].ToString());
        Assert.Equal(10_000, table.LineOf(4999));
        Assert.Equal(wide, table[5000, 0].ToString());
    }

    private static Table Read(string text) => Table.Read(new StringReader(text), "t.csv");
}
