namespace Engine;

/// <summary>Finds the name that was probably meant, for the message about one that does not exist.</summary>
public static class Suggestion
{
    // A name with more than this share of its letters wrong is another name.
    private const int LettersPerEdit = 3;
    private const int MostEdits = 3;
    private const int ShortestBeginning = 3;

    /// <summary>
    /// The known name nearest to what was typed, in any letter case: one that begins with it, or one a few edits away (letters inserted, deleted,
    /// replaced or swapped with their neighbor: at most one in three letters, at most three, and none in a name of three letters).
    /// </summary>
    /// <param name="typed">What was typed.</param>
    /// <param name="known">The names that exist; of equally near ones, the first is returned.</param>
    /// <returns>A name; null where none is near.</returns>
    public static string? Nearest(string typed, IEnumerable<string> known)
    {
        string[] names = [.. known];
        string wanted = typed.ToLowerInvariant();
        return (wanted.Length < ShortestBeginning ? null : names.FirstOrDefault(name => name.StartsWith(wanted, StringComparison.OrdinalIgnoreCase)))
            ?? names.Select(name => (Name: name, Edits: Distance(wanted, name.ToLowerInvariant())))
                .Where(n => n.Edits <= MostEditsOf(Math.Max(wanted.Length, n.Name.Length)))
                .OrderBy(n => n.Edits).Select(n => n.Name).FirstOrDefault();
    }

    /// <summary>"; did you mean 'NAME'?" with the <see cref="Nearest"/> name, to follow a message.</summary>
    /// <param name="typed">What was typed.</param>
    /// <param name="known">The names that exist.</param>
    /// <param name="otherwise">What follows the message where no name is near.</param>
    public static string Phrase(string typed, IEnumerable<string> known, string otherwise = "") =>
        Nearest(typed, known) is { } name ? $"; did you mean '{name}'?" : otherwise;

    private static int MostEditsOf(int letters) => letters <= ShortestBeginning ? 0 : Math.Min(MostEdits, letters / LettersPerEdit);

    // The optimal string alignment distance: Levenshtein's, where two letters in each other's place are one edit.
    private static int Distance(string from, string to)
    {
        int[,] edits = new int[from.Length + 1, to.Length + 1];
        for (int i = 0; i <= from.Length; i++)
        {
            for (int j = 0; j <= to.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    edits[i, j] = i + j;
                    continue;
                }

                int replaced = edits[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                edits[i, j] = Math.Min(replaced, 1 + Math.Min(edits[i - 1, j], edits[i, j - 1]));
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
                }
            }
        }

        return edits[from.Length, to.Length];
    }
}
